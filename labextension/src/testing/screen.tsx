import type { ReactElement } from 'react';
import { act } from 'react';
import { createRoot } from 'react-dom/client';

/** A place on a page where a view is shown. */
export class Screen {
  constructor(view: ReactElement) {
    document.body.append(this.node);
    this.show(view);
  }

  readonly node = document.createElement('div');

  show(view: ReactElement): void {
    act(() => this._root.render(view));
  }

  get text(): string {
    return this.node.textContent ?? '';
  }

  /** The element with this role and, if given, this name; it must be there, and only once. */
  find(role: string, name?: string): HTMLElement {
    const found = this.all(role).filter(each => name === undefined || nameOf(each) === name);
    if (found.length !== 1) {
      throw new Error(`${found.length} elements are ${role} ${name ?? ''}: ${this.node.innerHTML}`);
    }
    return found[0];
  }

  all(role: string): HTMLElement[] {
    const own: Record<string, string> = { button: 'button:not([role])', switch: 'button' };
    const selector = `[role="${role}"]${own[role] ? `, ${own[role]}` : ''}`;
    return [...this.node.querySelectorAll<HTMLElement>(selector)];
  }

  press(element: HTMLElement, key: string, more: KeyboardEventInit = {}): KeyboardEvent {
    const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more });
    act(() => void element.dispatchEvent(event));
    return event;
  }

  async click(element: HTMLElement): Promise<void> {
    await act(async () => {
      element.dispatchEvent(new MouseEvent('mousedown', { bubbles: true }));
      element.click();
      await new Promise(resolve => setTimeout(resolve));
    });
  }

  /** Let what was begun go on, and show it. */
  async settle(): Promise<void> {
    await act(() => new Promise<void>(resolve => setTimeout(resolve, 5)));
  }

  close(): void {
    act(() => this._root.unmount());
    this.node.remove();
  }

  private readonly _root = createRoot(this.node);
}

function nameOf(element: HTMLElement): string {
  return element.getAttribute('aria-label') ?? element.textContent ?? '';
}
