import type { TranslationBundle } from '@jupyterlab/translation';
import { codeIcon, copyIcon } from '@jupyterlab/ui-components';
import {
  type KeyboardEvent,
  type PointerEvent,
  type ReactElement,
  type ReactNode,
  useCallback,
  useEffect,
  useState
} from 'react';
import type { IFile } from '../../node/fileTypes';
import { IconButton } from '../parts/buttons';
import { ago } from '../parts/format';
import { useSignal } from '../parts/useSignal';
import { VirtualList } from '../parts/virtualList';
import type { IFilesContext } from './actions';
import { originName, shownName, sizeText, tipOf } from './facts';
import { kindIcon, pinIcon } from './kindIcon';
import { dragWhenMoved } from './rowDrag';

const ROW_HEIGHT = 24;

/** The catalog, of which only what is in sight is known. */
export function FileList({ context }: { context: IFilesContext }): ReactElement {
  const { files, preview, actions, trans } = context;
  useSignal(files.changed);
  const { selected } = files;
  // Tips and buttons for each row would be most of the work of drawing a list.
  const [pointed, setPointed] = useState(-1);
  useEffect(() => preview.follow(selected), [preview, selected]);
  const show = useCallback((first: number, end: number) => files.show(first, end - 1), [files]);
  return (
    <VirtualList<IFile>
      label={trans.__('Files of this node')}
      header={<Header trans={trans} />}
      count={files.count}
      rowHeight={ROW_HEIGHT}
      item={index => files.row(index)}
      onRange={show}
      selected={files.selectedIndex}
      onSelect={index => files.select(index)}
      onActivate={() => files.selected && actions.insertCode(files.selected)}
      onOpen={() => preview.open(files.selected)}
      onKey={event => onKey(event, context)}
      rowProps={(file, index) => ({
        className: 'kachery-Files-row',
        'data-sha1': file.sha1,
        title: index === pointed ? tipOf(file, trans) : undefined,
        onPointerEnter: () => setPointed(index),
        onPointerLeave: () => setPointed(-1),
        onPointerDown: event => onPress(event, file, context)
      })}
      render={(file, index) => (
        <>
          <Cells file={file} trans={trans} />
          {index === pointed && <Buttons file={file} context={context} />}
        </>
      )}
    />
  );
}

function onPress(event: PointerEvent<HTMLElement>, file: IFile, context: IFilesContext): void {
  if (event.button === 0 && event.pointerType !== 'touch') {
    const { actions } = context;
    dragWhenMoved(file, event.currentTarget, event.nativeEvent, actions.needsImport);
  }
}

/** What keys do with the selected content; the list itself knows those that move. */
function onKey(event: KeyboardEvent, { files, preview, actions }: IFilesContext): void {
  const file = files.selected;
  if (!file) {
    return;
  }
  const deeds: Record<string, () => void> = {
    ' ': () => (preview.isOpen ? preview.close() : preview.open(file)),
    Delete: () => actions.remove(file),
    'Accel+Backspace': () => actions.remove(file),
    'Accel+c': () => actions.copyUri(file),
    ...(preview.isOpen ? { Escape: () => preview.close() } : {})
  };
  const deed = deeds[nameOf(event)];
  if (deed) {
    event.preventDefault();
    event.stopPropagation();
    deed();
  }
}

function nameOf(event: KeyboardEvent): string {
  const accel = event.ctrlKey || event.metaKey ? 'Accel+' : '';
  return `${accel}${event.shiftKey ? 'Shift+' : ''}${event.altKey ? 'Alt+' : ''}${event.key}`;
}

function Header({ trans }: Pick<IFilesContext, 'trans'>): ReactElement {
  return (
    <>
      <Cell name="name" isHeader>
        {trans.__('Name')}
      </Cell>
      <Cell name="kind" isHeader>
        {trans.__('Kind')}
      </Cell>
      <Cell name="size" isHeader>
        {trans.__('Size')}
      </Cell>
      <Cell name="when" isHeader>
        {trans.__('Stored')}
      </Cell>
      <Cell name="origin" isHeader>
        {trans.__('From')}
      </Cell>
    </>
  );
}

function Cells({ file, trans }: { file: IFile; trans: TranslationBundle }): ReactElement {
  const icon = kindIcon(file.kind, file.name);
  return (
    <>
      <Cell name="name">
        <icon.react tag="span" className="kachery-Files-icon" aria-hidden="true" />
        <span className="kachery-Files-label">{shownName(file)}</span>
        {file.pinned && (
          <span role="img" aria-label={trans.__('pinned')} className="kachery-Files-pin">
            <pinIcon.react tag="span" aria-hidden="true" />
          </span>
        )}
      </Cell>
      <Cell name="kind">{file.kind}</Cell>
      <Cell name="size">{sizeText(file)}</Cell>
      <Cell name="when">{ago(file.stored_at, trans)}</Cell>
      <Cell name="origin">{originName(file, trans)}</Cell>
    </>
  );
}

/** For the mouse; the keyboard has Enter and Ctrl C, and the menu. */
function Buttons({ file, context }: { file: IFile; context: IFilesContext }): ReactElement {
  const { actions, trans } = context;
  return (
    <span
      role="gridcell"
      className="kachery-Files-buttons"
      onPointerDown={stop}
      onDoubleClick={stop}
    >
      <IconButton
        icon={codeIcon}
        label={trans.__('Insert load code')}
        onClick={() => actions.insertCode(file)}
        tabIndex={-1}
      />
      <IconButton
        icon={copyIcon}
        label={trans.__('Copy URI')}
        onClick={() => actions.copyUri(file)}
        tabIndex={-1}
      />
    </span>
  );
}

function Cell(props: { name: string; isHeader?: boolean; children: ReactNode }): ReactElement {
  return (
    <span
      role={props.isHeader ? 'columnheader' : 'gridcell'}
      className={`kachery-Files-cell kachery-Files-${props.name}`}
    >
      {props.children}
    </span>
  );
}

function stop(event: { stopPropagation(): void }): void {
  event.stopPropagation();
}
