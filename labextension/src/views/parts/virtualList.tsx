import {
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
  type HTMLAttributes,
  type KeyboardEvent,
  type ReactElement,
  type ReactNode
} from 'react';
import { onListKey } from './listKeys';

/** Rows rendered above and below those in sight, so that scrolling shows no gaps. */
const SPARE = 6;

export interface IVirtualListProps<T> {
  /** What is listed; read aloud. */
  label: string;
  /** How many rows there are, known or not. */
  count: number;
  /** Height of a row in pixels, the same for all. */
  rowHeight: number;
  /** The row at `index`; undefined while it is not known: say so with `onRange`. */
  item: (index: number) => T | undefined;
  /** Rows `first` to `last` (not included) came into sight. */
  onRange?: (first: number, last: number) => void;
  render: (item: T, index: number, selected: boolean) => ReactNode;
  /** Which row is selected; -1 for none. */
  selected: number;
  onSelect: (index: number) => void;
  /** Enter. */
  onActivate?: (index: number) => void;
  /** A double click; the row is selected by then. */
  onOpen?: (index: number) => void;
  /** Any other key, for the selected row. Call `preventDefault` when it meant something. */
  onKey?: (event: KeyboardEvent, index: number) => void;
  /** More attributes of a row: `data-*` for menus, handlers for dragging. */
  rowProps?: (item: T, index: number) => HTMLAttributes<HTMLDivElement> & DataAttributes;
  /**
   * Names of columns, as high as a row and always in sight. With it the list is a grid: `header`
   * is made of columnheaders, and each row of gridcells.
   */
  header?: ReactNode;
}

type DataAttributes = Record<`data-${string}`, string | undefined>;

/**
 * A list of any length of which only the rows in sight exist.
 *
 * A listbox: one stop for Tab, the arrow keys, Home, End and Page Up/Down move the selection; the
 * key for context menus (or Shift+F10) opens the menu of the selected row.
 */
export function VirtualList<T>(props: IVirtualListProps<T>): ReactElement {
  const { count, rowHeight, selected, onRange } = props;
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const { top, height, onScroll } = useWindow(box);
  const first = Math.max(0, Math.floor(top / rowHeight) - SPARE);
  const last = Math.min(count, Math.ceil((top + height) / rowHeight) + SPARE);

  useEffect(() => {
    if (last > first) {
      onRange?.(first, last);
    }
  }, [first, last, count, onRange]);
  const above = props.header ? rowHeight : 0;
  useLayoutEffect(
    () => keepInSight(box.current, selected, rowHeight, above),
    [selected, rowHeight, above]
  );
  const before = useRef(height);
  useLayoutEffect(() => {
    // Who opens a preview of a row goes on seeing the row; who scrolled away from it stays there.
    const end = (selected + 1) * rowHeight + above - (box.current?.scrollTop ?? 0);
    if (end > height && end <= before.current) {
      keepInSight(box.current, selected, rowHeight, above);
    }
    before.current = height;
  }, [height, selected, rowHeight, above]);

  const indices = Array.from({ length: Math.max(0, last - first) }, (_, row) => first + row);
  const hasActive = selected >= first && selected < last;
  return (
    <div
      ref={box}
      className="kachery-List"
      role={props.header ? 'grid' : 'listbox'}
      tabIndex={0}
      aria-label={props.label}
      aria-rowcount={props.header ? count + 1 : undefined}
      aria-activedescendant={hasActive ? `${id}-${selected}` : undefined}
      onScroll={onScroll}
      onKeyDown={event => onListKey(event, props, box.current)}
    >
      {props.header && (
        <div className="kachery-List-header" role="row" aria-rowindex={1} style={{ height: above }}>
          {props.header}
        </div>
      )}
      {/* Options belong to the listbox: what makes room for the others is nobody's. */}
      <div className="kachery-List-room" role="presentation" style={{ height: count * rowHeight }}>
        {indices.map(index => (
          <Row key={index} list={props} id={`${id}-${index}`} index={index} />
        ))}
      </div>
    </div>
  );
}

function Row<T>(props: { list: IVirtualListProps<T>; id: string; index: number }): ReactElement {
  const { list, id, index } = props;
  const { rowHeight, count } = list;
  const item = list.item(index);
  const selected = index === list.selected;
  const { className, ...more } =
    item === undefined ? { className: '' } : (list.rowProps?.(item, index) ?? {});
  return (
    <div
      {...more}
      id={id}
      className={`kachery-List-row${selected ? ' kachery-mod-selected' : ''} ${className ?? ''}`}
      {...(list.header
        ? { role: 'row', 'aria-rowindex': index + 2 }
        : { role: 'option', 'aria-setsize': count, 'aria-posinset': index + 1 })}
      aria-selected={selected}
      aria-busy={item === undefined || undefined}
      data-index={index}
      style={{ height: rowHeight, top: index * rowHeight }}
      onMouseDown={() => list.onSelect(index)}
      onDoubleClick={() => list.onOpen?.(index)}
    >
      {item === undefined ? (
        <span className="kachery-Loading-bar" aria-hidden="true" />
      ) : (
        list.render(item, index, selected)
      )}
    </div>
  );
}

/** Which part of the list is in sight, in pixels. */
function useWindow(box: React.RefObject<HTMLDivElement>): {
  top: number;
  height: number;
  onScroll: () => void;
} {
  const [seen, setSeen] = useState({ top: 0, height: 600 });
  const look = (): void => {
    const node = box.current;
    if (node) {
      const now = { top: node.scrollTop, height: node.clientHeight };
      setSeen(was => (was.top === now.top && was.height === now.height ? was : now));
    }
  };
  useLayoutEffect(() => {
    look();
    const observer = new ResizeObserver(look);
    if (box.current) {
      observer.observe(box.current);
    }
    return () => observer.disconnect();
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once: it looks at the same node
  }, []);
  return { ...seen, onScroll: look };
}

function keepInSight(
  box: HTMLElement | null,
  index: number,
  rowHeight: number,
  above: number
): void {
  if (!box || index < 0) {
    return;
  }
  const top = index * rowHeight;
  if (top < box.scrollTop) {
    box.scrollTop = top;
  } else if (top + rowHeight > box.scrollTop + box.clientHeight - above) {
    box.scrollTop = top + rowHeight - box.clientHeight + above;
  }
}
