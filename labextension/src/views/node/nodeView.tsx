import type { TranslationBundle } from '@jupyterlab/translation';
import { copyIcon } from '@jupyterlab/ui-components';
import type { ReactElement, ReactNode } from 'react';
import type { NodeModel } from '../../models/node';
import type { INodeStatus } from '../../node/nodeTypes';
import { IconButton } from '../parts/buttons';
import { bytes, count, moment, short, since } from '../parts/format';
import { Meter } from '../parts/meter';
import { copy } from '../parts/notify';
import { Stateful } from '../parts/states';
import { useSignal } from '../parts/useSignal';
import { Hubs } from './hubs';
import { Settings } from './settings';
import { Sharing } from './sharing';

interface INodeProps {
  model: NodeModel;
  trans: TranslationBundle;
}

/** The section Node: how it is, and whether it shares. */
export function NodeView({ model, trans }: INodeProps): ReactElement {
  useSignal(model.changed);
  const { status } = model;
  return (
    <Stateful model={model} trans={trans} known={status !== null}>
      {() =>
        status && (
          <>
            <Sharing model={model} enabled={status.sharing.enabled} trans={trans} />
            <dl className="kachery-Node-facts">
              <Fact name={trans.__('Node')}>
                <Alive model={model} status={status} trans={trans} />
              </Fact>
              <Fact name={trans.__('Storage')}>
                <Storage model={model} status={status} trans={trans} />
              </Fact>
              <Fact name={trans.__('Direct path')}>
                <DirectPath status={status} isMember={model.hubs.length > 0} trans={trans} />
              </Fact>
              <Fact name={trans.__('Hubs')}>
                <Hubs hubs={model.hubs} trans={trans} />
              </Fact>
            </dl>
            <Settings settings={status.settings} trans={trans} />
          </>
        )
      }
    </Stateful>
  );
}

function Fact(props: { name: string; children: ReactNode }): ReactElement {
  return (
    <>
      <dt>{props.name}</dt>
      <dd>{props.children}</dd>
    </>
  );
}

/** That it runs, since when, and its id: others need that to invite it. */
function Alive({ model, status, trans }: INodeProps & { status: INodeStatus }): ReactElement {
  const failed = model.state === 'error';
  return (
    <>
      <span className={`kachery-Node-dot ${failed ? 'kachery-mod-bad' : 'kachery-mod-good'}`}>
        {failed ? trans.__('Does not answer') : trans.__('Running')}
      </span>{' '}
      <span title={trans.__('Version %1, started %2', status.version, moment(model.started))}>
        {trans.__('since %1', since(model.started))}
      </span>
      <div className="kachery-Node-line">
        <code title={status.node_id}>{short(status.node_id, 20)}</code>
        <IconButton
          icon={copyIcon}
          label={trans.__('Copy the node id')}
          onClick={() => copy(status.node_id, trans)}
        />
      </div>
    </>
  );
}

function Storage({ model, status, trans }: INodeProps & { status: INodeStatus }): ReactElement {
  const { quota } = status;
  const text =
    quota !== null ? trans.__('%1 of %2', bytes(model.archived), bytes(quota)) : undefined;
  return (
    <>
      <div title={status.storage_dir}>
        {trans._n('%2 in %1 file', '%2 in %1 files', status.contents, bytes(status.bytes))}
      </div>
      <div>{trans.__('%1 free', bytes(status.free_bytes))}</div>
      {quota !== null && (
        <>
          <div>{trans.__('Kept for channels: %1', text ?? '')}</div>
          <Meter
            label={trans.__('Kept for channels')}
            share={quota > 0 ? model.archived / quota : 1}
            text={text}
            role="meter"
          />
        </>
      )}
    </>
  );
}

/** Whether others reach this node without a hub in between. */
function DirectPath(props: {
  status: INodeStatus;
  /** Of a channel. */
  isMember: boolean;
  trans: TranslationBundle;
}): ReactElement {
  const { trans, status, isMember } = props;
  const { reachable, port, addresses } = status.direct;
  if (reachable === null) {
    return (
      <span>
        {isMember
          ? trans.__('Tried as soon as a channel needs it')
          : trans.__('Used once this node is in a channel')}
      </span>
    );
  }
  const where = addresses.length > 0 ? addresses.join(', ') : trans.__('port %1', count(port ?? 0));
  return reachable ? (
    <span className="kachery-Node-dot kachery-mod-good" title={where}>
      {trans.__('Open: other nodes reach this one themselves')}
    </span>
  ) : (
    <span className="kachery-Node-dot kachery-mod-fair" title={where}>
      {trans.__('Closed: what is sent passes through the hub, which is slower')}
    </span>
  );
}
