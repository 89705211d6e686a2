import { caretDownEmptyIcon, caretRightIcon, codeIcon, copyIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import { type ReactElement, useState } from 'react';
import { PreviewModel } from '../../models/preview';
import { nameOf, sha1Of } from '../../models/transfer';
import type { TransfersModel } from '../../models/transfers';
import { visible } from '../../models/visible';
import type { Requests } from '../../node/requests';
import { IconButton } from '../parts/buttons';
import { Failure, Loading } from '../parts/states';
import { useSignal } from '../parts/useSignal';
import type { IFileActions } from './actions';
import { kindAndSize } from './facts';
import { kindIcon } from './kindIcon';
import { PreviewBody } from './previewBody';
import { Transfer } from './transferList';

/** What an output says of something that was stored. Anybody may have written it. */
export interface IUriOutput {
  uri: string;
  name: string;
  kind: string;
  size: number | null;
}

interface IProps {
  output: IUriOutput;
  requests: Requests;
  transfers: TransfersModel;
  actions: Pick<IFileActions, 'copyUri' | 'insertCode' | 'load'>;
  trans: TranslationBundle;
}

/** A URI in an output: what it is, to be copied, and looked into on demand. */
export function UriChip(props: IProps): ReactElement {
  const { output, requests, actions, trans } = props;
  const [preview] = useState(() => new PreviewModel(requests));
  useSignal(preview.changed);
  const { uri, kind, size } = output;
  const name = visible(output.name || nameOf(uri));
  const icon = kindIcon(kind, name);
  const subject = { sha1: sha1Of(uri), name, kind };
  const toggle = () => (preview.isOpen ? preview.close() : preview.open(subject));
  return (
    <div className="kachery-Chip">
      <div className="kachery-Chip-line" title={uri}>
        <icon.react tag="span" className="kachery-Files-icon" aria-hidden="true" />
        <span className="kachery-Chip-name">{name}</span>
        <span className="kachery-Chip-facts">{kindAndSize(kind, size)}</span>
        <IconButton
          icon={copyIcon}
          label={trans.__('Copy URI')}
          onClick={() => actions.copyUri({ uri, name, kind })}
        />
        <IconButton
          icon={codeIcon}
          label={trans.__('Insert load code')}
          onClick={() => actions.insertCode({ uri, name, kind })}
        />
        {subject.sha1 && (
          <IconButton
            icon={preview.isOpen ? caretDownEmptyIcon : caretRightIcon}
            label={trans.__('Preview')}
            expanded={preview.isOpen}
            onClick={toggle}
          />
        )}
      </div>
      {preview.isOpen && (
        <div className="kachery-Chip-preview" role="group" aria-label={trans.__('Preview')}>
          <Body {...props} preview={preview} />
        </div>
      )}
    </div>
  );
}

function Body(props: IProps & { preview: PreviewModel }): ReactElement {
  const { preview, requests, trans } = props;
  const { content, error, subject } = preview;
  if (error?.code === 'content-not-found') {
    return <Away {...props} />;
  }
  if (error) {
    return <Failure error={error} trans={trans} onRetry={() => preview.retry()} />;
  }
  return content && subject ? (
    <PreviewBody {...{ preview: content, subject, requests, trans }} />
  ) : (
    <Loading trans={trans} />
  );
}

/** The content is on other nodes, if anywhere: it can be fetched, and is shown when it came. */
function Away(props: IProps & { preview: PreviewModel }): ReactElement {
  const { output, actions, transfers, preview, trans } = props;
  useSignal(transfers.changed);
  const { uri } = output;
  const item = transfers.items.find(one => one.what === 'load' && one.uri === uri);
  const load = () => void actions.load(uri).then(came => came && preview.retry());
  if (item) {
    const stop = () => transfers.cancel(item);
    const again = () => {
      stop();
      load();
    };
    return (
      <div className={`kachery-Transfer kachery-mod-${item.state}`}>
        <Transfer item={item} trans={trans} onStop={stop} onRetry={again} />
      </div>
    );
  }
  return (
    <>
      <p className="kachery-Chip-away">{trans.__('This content is not on this node.')}</p>
      <button type="button" className="kachery-Button" onClick={load}>
        {trans.__('Load it from the channels')}
      </button>
    </>
  );
}
