import type { KeyboardEvent } from 'react';

/** A list, as far as its keys are concerned. */
interface IKeyedList {
  count: number;
  rowHeight: number;
  selected: number;
  onSelect: (index: number) => void;
  onActivate?: (index: number) => void;
  onKey?: (event: KeyboardEvent, index: number) => void;
}

/** What the keys of a listbox do; `box` is its element. */
export function onListKey(event: KeyboardEvent, list: IKeyedList, box: HTMLElement | null): void {
  const { selected, count } = list;
  const page = Math.max(1, Math.floor((box?.clientHeight ?? 0) / list.rowHeight) - 1);
  const target = landing(event, selected, count, page);
  if (target !== null) {
    event.preventDefault();
    if (count > 0) {
      list.onSelect(Math.min(count - 1, Math.max(0, target)));
    }
  } else if (selected >= 0) {
    onRowKey(event, list, box);
  }
}

function onRowKey(event: KeyboardEvent, list: IKeyedList, box: HTMLElement | null): void {
  if (event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey)) {
    event.preventDefault();
    openMenu(box, list.selected);
  } else if (event.key === 'Enter') {
    event.preventDefault();
    list.onActivate?.(list.selected);
  } else {
    list.onKey?.(event, list.selected);
  }
}

/** Where a key moves the selection; null when it does not. */
function landing(
  event: KeyboardEvent,
  selected: number,
  count: number,
  page: number
): number | null {
  if (event.ctrlKey || event.metaKey || event.altKey) {
    return null;
  }
  const places: Record<string, number> = {
    ArrowDown: selected + 1,
    ArrowUp: selected < 0 ? count - 1 : selected - 1,
    PageDown: selected + page,
    PageUp: selected - page,
    Home: 0,
    End: count - 1
  };
  return places[event.key] ?? null;
}

/** JupyterLab asks what lies under the mouse; a keyboard has none, so the row says where it is. */
function openMenu(box: HTMLElement | null, selected: number): void {
  const row = box?.querySelector(`[data-index="${selected}"]`);
  if (row) {
    const place = row.getBoundingClientRect();
    const at = { clientX: place.left + 24, clientY: place.top + place.height / 2 };
    row.dispatchEvent(new MouseEvent('contextmenu', { bubbles: true, cancelable: true, ...at }));
  }
}
