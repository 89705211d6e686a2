import { type DragEvent, type ReactElement, useEffect, useState } from 'react';
import { isContentUri } from '../../models/transfer';
import { count } from '../parts/format';
import { Empty, Failure, Loading } from '../parts/states';
import { useSignal } from '../parts/useSignal';
import type { IFilesContext } from './actions';
import { FileList } from './fileList';
import { LoadField } from './loadField';
import { PreviewPane } from './previewPane';
import { Toolbar } from './toolbar';
import { TransferList } from './transferList';

interface IProps {
  context: IFilesContext;
}

/** The section Files: what this node keeps, and what is on its way here. */
export function FilesView({ context }: IProps): ReactElement {
  const { transfers, panel, actions, trans } = context;
  useSignal(panel.changed);
  const [isOver, over] = useDrop(context);
  return (
    <div className="kachery-Files" {...over}>
      <Toolbar context={context} />
      {panel.hasLoadField && <LoadField context={context} />}
      <TransferList
        transfers={transfers}
        onRetry={item => {
          transfers.cancel(item);
          void actions.load(item.uri);
        }}
        trans={trans}
      />
      <Catalog context={context} />
      <PreviewPane context={context} />
      {isOver && <div className="kachery-Files-drop">{trans.__('Drop to store here')}</div>}
    </div>
  );
}

/** The list, or why there is none. */
function Catalog({ context }: IProps): ReactElement {
  const { files, trans } = context;
  useSignal(files.changed);
  const { error, state } = files;
  const failure = error && (
    <Failure error={error} trans={trans} onRetry={() => void files.refresh()} />
  );
  if (files.count === 0 && (error || state === 'loading')) {
    return <div className="kachery-Files-none">{failure ?? <Loading trans={trans} />}</div>;
  }
  if (files.count === 0 && !files.searching) {
    return <div className="kachery-Files-none">{<Nothing context={context} />}</div>;
  }
  return (
    <>
      {failure}
      <FileList context={context} />
      <p className="kachery-Files-count" role="status">
        {countText(context)}
      </p>
    </>
  );
}

function countText({ files, trans }: IFilesContext): string {
  const isAll = !files.query.search.trim() && !files.query.kind;
  return isAll
    ? trans._n('%2 file', '%2 files', files.count, count(files.count))
    : trans.__('%1 of %2', count(files.count), count(files.total));
}

function Nothing({ context }: IProps): ReactElement {
  const { files, actions, trans } = context;
  const { search, kind } = files.query;
  if (search.trim() || kind) {
    return (
      <Empty title={trans.__('Nothing matches.')}>
        {isContentUri(search) && (
          <button
            type="button"
            className="kachery-Button"
            onClick={() => void actions.load(search.trim())}
          >
            {trans.__('Load it from the channels')}
          </button>
        )}{' '}
        <button
          type="button"
          className="kachery-Button"
          onClick={() => files.setQuery({ search: '', kind: '' })}
        >
          {trans.__('Show all files')}
        </button>
      </Empty>
    );
  }
  return (
    <Empty
      title={trans.__('Nothing is stored here yet.')}
      hint={trans.__('Drag a file here, or store a value from a notebook:')}
    >
      <code className="kachery-Files-example">uri = kc.store_npy(array)</code>
    </Empty>
  );
}

/** Files dropped from the desktop are stored. */
function useDrop({ actions }: IFilesContext): [boolean, Record<string, (e: DragEvent) => void>] {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    // Dropped elsewhere, or given up: the page hears of it, this view does not.
    const end = () => setOver(false);
    window.addEventListener('drop', end, true);
    window.addEventListener('dragend', end, true);
    return () => {
      window.removeEventListener('drop', end, true);
      window.removeEventListener('dragend', end, true);
    };
  }, []);
  const take = (event: DragEvent) => {
    if (event.dataTransfer.types.includes('Files')) {
      event.preventDefault();
      event.dataTransfer.dropEffect = 'copy';
      setOver(true);
    }
  };
  const leave = (event: DragEvent) => {
    if (!event.currentTarget.contains(event.relatedTarget as Node | null)) {
      setOver(false);
    }
  };
  const drop = (event: DragEvent) => {
    if (event.dataTransfer.types.includes('Files')) {
      event.preventDefault();
      setOver(false);
      actions.store(filesOf(event.dataTransfer));
    }
  };
  return [isOver, { onDragEnter: take, onDragOver: take, onDragLeave: leave, onDrop: drop }];
}

/** A dropped folder is no file, although the browser lists it as one. */
function filesOf(data: DataTransfer): File[] {
  const items = [...data.items].filter(item => item.kind === 'file');
  return items
    .filter(item => !item.webkitGetAsEntry?.()?.isDirectory)
    .map(item => item.getAsFile())
    .filter(file => file !== null);
}
