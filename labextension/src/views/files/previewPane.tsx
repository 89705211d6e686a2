import { closeIcon, codeIcon, copyIcon, downloadIcon, launchIcon } from '@jupyterlab/ui-components';
import { type KeyboardEvent, type PointerEvent, type ReactElement, useRef, useState } from 'react';
import type { IFile } from '../../node/fileTypes';
import { IconButton } from '../parts/buttons';
import { moment } from '../parts/format';
import { Failure, Loading } from '../parts/states';
import { useSignal } from '../parts/useSignal';
import type { IFilesContext } from './actions';
import { factsOf, shownName } from './facts';
import { PreviewBody } from './previewBody';

const LEAST = 96;
const STEP = 24;

/** What is in the selected content, below the list. */
export function PreviewPane({ context }: { context: IFilesContext }): ReactElement | null {
  const { preview, files, panel, trans } = context;
  useSignal(preview.changed);
  const [height, setHeight] = useState(panel.previewHeight);
  const pane = useRef<HTMLElement>(null);
  if (!preview.isOpen) {
    return null;
  }
  const resize = (to: number) => {
    const room = pane.current?.parentElement?.clientHeight ?? 600;
    const next = Math.round(Math.max(LEAST, Math.min(to, room - 120)));
    setHeight(next);
    panel.previewHeight = next;
  };
  const file = files.selected;
  return (
    <section
      ref={pane}
      className="kachery-Preview"
      style={{ height }}
      aria-label={trans.__('Preview')}
      onKeyDown={event => event.key === 'Escape' && preview.close()}
    >
      <Sash height={height} onResize={resize} label={trans.__('Height of the preview')} />
      {file ? <Head file={file} context={context} /> : null}
      <div
        className="kachery-Preview-body"
        tabIndex={0}
        role="group"
        aria-label={trans.__('Content')}
      >
        <Body context={context} />
      </div>
    </section>
  );
}

function Body({ context }: { context: IFilesContext }): ReactElement {
  const { preview, requests, trans } = context;
  const { subject, content, error } = preview;
  if (!subject) {
    return <p className="kachery-Preview-note">{trans.__('Select a file to look into it.')}</p>;
  }
  if (error) {
    return <Failure error={error} trans={trans} onRetry={() => preview.retry()} />;
  }
  if (!content) {
    return <Loading trans={trans} />;
  }
  return <PreviewBody preview={content} subject={subject} requests={requests} trans={trans} />;
}

function Head({ file, context }: { file: IFile; context: IFilesContext }): ReactElement {
  const { actions, preview, trans } = context;
  return (
    <header className="kachery-Preview-head">
      <span className="kachery-Preview-name" title={file.uri}>
        {shownName(file)}
      </span>
      <span className="kachery-Preview-buttons">
        <IconButton
          icon={codeIcon}
          label={trans.__('Insert load code')}
          onClick={() => actions.insertCode(file)}
        />
        <IconButton
          icon={copyIcon}
          label={trans.__('Copy URI')}
          onClick={() => actions.copyUri(file)}
        />
        {actions.canOpen(file) && (
          <IconButton
            icon={launchIcon}
            label={trans.__('Open in a tab')}
            onClick={() => actions.open(file)}
          />
        )}
        <IconButton
          icon={downloadIcon}
          label={trans.__('Download')}
          onClick={() => actions.download(file)}
        />
        <IconButton
          icon={closeIcon}
          label={trans.__('Close the preview')}
          onClick={() => preview.close()}
        />
      </span>
      <span className="kachery-Preview-facts" title={moment(file.stored_at)}>
        {factsOf(file, trans)}
      </span>
    </header>
  );
}

/** The edge between list and preview: dragged, or moved with the arrow keys. */
function Sash(props: {
  height: number;
  label: string;
  onResize: (height: number) => void;
}): ReactElement {
  const { height, onResize } = props;
  const from = useRef({ y: 0, height: 0 });
  const press = (event: PointerEvent<HTMLElement>) => {
    event.currentTarget.setPointerCapture(event.pointerId);
    from.current = { y: event.clientY, height };
  };
  const move = (event: PointerEvent<HTMLElement>) => {
    if (event.currentTarget.hasPointerCapture(event.pointerId)) {
      onResize(from.current.height + from.current.y - event.clientY);
    }
  };
  const key = (event: KeyboardEvent) => {
    const step = { ArrowUp: STEP, ArrowDown: -STEP }[event.key];
    if (step) {
      event.preventDefault();
      onResize(height + step);
    }
  };
  return (
    <div
      className="kachery-Preview-sash"
      role="separator"
      aria-orientation="horizontal"
      aria-label={props.label}
      aria-valuenow={height}
      aria-valuemin={LEAST}
      tabIndex={0}
      onPointerDown={press}
      onPointerMove={move}
      onKeyDown={key}
    />
  );
}
