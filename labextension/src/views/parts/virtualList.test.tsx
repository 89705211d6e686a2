import { act } from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Screen } from '../../testing/screen';
import { type IVirtualListProps, VirtualList } from './virtualList';

const ROW = 24;

describe('a long list', () => {
  let screen: Screen;
  afterEach(() => screen.close());

  function shown(change: Partial<IVirtualListProps<string>> = {}): IVirtualListProps<string> {
    const props: IVirtualListProps<string> = {
      label: 'Files',
      count: 10_000,
      rowHeight: ROW,
      item: index => `file ${index}`,
      render: item => item,
      selected: 0,
      onSelect: vi.fn(),
      ...change
    };
    screen = new Screen(<VirtualList {...props} />);
    Object.defineProperty(screen.find('listbox'), 'clientHeight', {
      value: 240,
      configurable: true
    });
    return props;
  }

  it('has rows only for what is in sight', () => {
    shown();
    expect(screen.all('option').length).toBeLessThan(60);
    expect(screen.all('option')[3].textContent).toBe('file 3');
  });

  it('tells screen readers how long it is and where one is', () => {
    shown({ selected: 2 });
    const list = screen.find('listbox', 'Files');
    const option = document.getElementById(list.getAttribute('aria-activedescendant') ?? '');
    expect(option?.textContent).toBe('file 2');
    expect(option?.getAttribute('aria-selected')).toBe('true');
    expect(option?.getAttribute('aria-setsize')).toBe('10000');
    expect(option?.getAttribute('aria-posinset')).toBe('3');
  });

  it.each([
    ['ArrowDown', 5, 6],
    ['ArrowUp', 5, 4],
    ['ArrowUp', 0, 0],
    ['ArrowDown', 9_999, 9_999],
    ['ArrowDown', -1, 0],
    ['ArrowUp', -1, 9_999],
    ['Home', 500, 0],
    ['End', 500, 9_999],
    ['PageDown', 5, 14],
    ['PageUp', 50, 41]
  ])('goes with %s from %d to %d', (key, from, to) => {
    const { onSelect } = shown({ selected: from });
    expect(screen.press(screen.find('listbox'), key).defaultPrevented).toBe(true);
    expect(onSelect).toHaveBeenCalledWith(to);
  });

  it('leaves keys alone that belong to JupyterLab', () => {
    const { onSelect } = shown();
    const event = screen.press(screen.find('listbox'), 'ArrowDown', { ctrlKey: true });
    expect(event.defaultPrevented).toBe(false);
    expect(onSelect).not.toHaveBeenCalled();
  });

  it('does one thing with Enter, and another with a double click', () => {
    const { onActivate, onOpen } = shown({ selected: 4, onActivate: vi.fn(), onOpen: vi.fn() });
    screen.press(screen.find('listbox'), 'Enter');
    expect(onActivate).toHaveBeenCalledWith(4);
    screen.all('option')[5].dispatchEvent(new MouseEvent('dblclick', { bubbles: true }));
    expect(onOpen).toHaveBeenCalledWith(5);
    expect(onActivate).toHaveBeenCalledOnce();
  });

  it('opens the menu of the selected row for who has no mouse', () => {
    shown({ selected: 3 });
    const opened: (string | null)[] = [];
    const listen = (event: Event): void => {
      opened.push((event.target as HTMLElement).textContent);
    };
    document.addEventListener('contextmenu', listen);
    screen.press(screen.find('listbox'), 'F10', { shiftKey: true });
    screen.press(screen.find('listbox'), 'ContextMenu');
    document.removeEventListener('contextmenu', listen);
    expect(opened).toEqual(['file 3', 'file 3']);
  });

  it('gives every other key to its rows', () => {
    const { onKey } = shown({ selected: 3, onKey: vi.fn() });
    screen.press(screen.find('listbox'), 'Delete');
    expect(onKey).toHaveBeenCalledWith(expect.objectContaining({ key: 'Delete' }), 3);
  });

  it('asks for rows it does not know, and shows that they come', () => {
    const onRange = vi.fn();
    shown({ item: () => undefined, onRange });
    expect(onRange).toHaveBeenCalledWith(0, expect.any(Number));
    expect(screen.all('option')[0].getAttribute('aria-busy')).toBe('true');
  });

  it('goes on showing what is selected when there is less room', () => {
    const observers: (() => void)[] = [];
    const observing = vi
      .spyOn(globalThis, 'ResizeObserver')
      .mockImplementation(
        look =>
          ({ observe: () => observers.push(look as () => void), disconnect: vi.fn() }) as never
      );
    shown({ selected: 9 });
    const list = screen.find('listbox');
    list.scrollTop = 0;
    act(() => observers.forEach(look => look()));
    expect(list.scrollTop).toBe(0);
    Object.defineProperty(list, 'clientHeight', { value: 96 });
    act(() => observers.forEach(look => look()));
    expect(list.scrollTop).toBe(10 * ROW - 96);
    observing.mockRestore();
  });

  it('scrolls to what is selected', () => {
    const props = shown();
    screen.show(<VirtualList {...props} selected={500} />);
    expect(screen.find('listbox').scrollTop).toBe(501 * ROW - 240);
  });
});
