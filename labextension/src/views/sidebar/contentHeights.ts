import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

/** How high the content of some elements is; says when that, or an element itself, has changed. */
export class ContentHeights implements IDisposable {
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /**
   * @param room - What has the height to be shared.
   * @param parts - What it is shared among.
   */
  watch(room: HTMLElement, parts: readonly HTMLElement[]): void {
    this._parts = parts;
    this._room = room;
    this._observe();
  }

  dispose(): void {
    this._isDisposed = true;
    this._children.disconnect();
    this._sizes.disconnect();
    Signal.clearData(this);
  }

  private _observe(): void {
    this._children.disconnect();
    this._sizes.disconnect();
    const children = this._parts.flatMap(part => [...part.children]);
    // What is in a part, and of what that consists: a preview that opens needs room at once.
    [...this._parts, ...children].forEach(one => this._children.observe(one, { childList: true }));
    [this._room, ...children].forEach(each => each && this._sizes.observe(each));
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _children = new MutationObserver(() => {
    this._observe();
    this._changed.emit();
  });
  private _isDisposed = false;
  private _parts: readonly HTMLElement[] = [];
  private _room: HTMLElement | null = null;
  private readonly _sizes = new ResizeObserver(() => this._changed.emit());
}

/** How high an element has to be, in px, to show all there is in it. */
export function contentHeight(element: HTMLElement): number {
  const ends = [...element.children].map(child =>
    child instanceof HTMLElement ? child.offsetTop + child.offsetHeight : 0
  );
  return Math.max(0, ...ends) + (parseFloat(getComputedStyle(element).paddingBottom) || 0);
}

/** How high an element is at least, in px. */
export function leastHeight(element: HTMLElement): number {
  return parseFloat(getComputedStyle(element).minHeight) || 0;
}
