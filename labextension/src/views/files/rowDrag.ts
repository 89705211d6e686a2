import { MimeData } from '@lumino/coreutils';
import { Drag } from '@lumino/dragdrop';
import { loadCode } from '../../models/loadCode';
import type { ICited } from './actions';

/** What a notebook takes at its cells. */
const CELLS = 'application/vnd.jupyter.cells';
/** A press becomes a drag after so many px. */
const THRESHOLD = 5;

/**
 * Let a pressed row be dragged into a notebook, where it becomes the cell that loads it.
 *
 * Listens until the button is let go; Lumino's drags are what notebooks understand.
 */
export function dragWhenMoved(
  file: ICited,
  row: HTMLElement,
  press: PointerEvent,
  needsImport: () => boolean
): void {
  const listening = new AbortController();
  const { signal } = listening;
  const end = () => listening.abort();
  const move = (event: PointerEvent) => {
    if (Math.hypot(event.clientX - press.clientX, event.clientY - press.clientY) > THRESHOLD) {
      end();
      startDrag(cellsOf(file, needsImport()), row, event);
    }
  };
  document.addEventListener('pointermove', move, { signal });
  document.addEventListener('pointerup', end, { signal });
  document.addEventListener('pointercancel', end, { signal });
}

function startDrag(mimeData: MimeData, row: HTMLElement, event: PointerEvent): void {
  const drag = new Drag({
    mimeData,
    dragImage: imageOf(row),
    supportedActions: 'copy',
    proposedAction: 'copy',
    source: row
  });
  void drag.start(event.clientX, event.clientY).then(() => drag.dispose());
}

/** One code cell; as text for editors. */
export function cellsOf(file: ICited, imports: boolean): MimeData {
  const source = loadCode(file, { imports });
  const cell = { cell_type: 'code', source, outputs: [], execution_count: null, metadata: {} };
  const data = new MimeData();
  data.setData('text/plain', source);
  data.setData(CELLS, [cell]);
  return data;
}

/** Only icon and name: the whole row would cover what one aims at. */
function imageOf(row: HTMLElement): HTMLElement {
  const image = document.createElement('div');
  image.className = 'kachery-Files-dragImage';
  const name = row.querySelector('.kachery-Files-name');
  image.append(...(name ? [name.cloneNode(true)] : []));
  return image;
}
