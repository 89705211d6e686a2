import { DisposableDelegate, type IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';
import type { FeedsModel } from './feeds';
import type { Tail } from './tail';

/** A subfeed that is shown, and what it is called. */
export interface IShownSubfeed {
  feed: string;
  uri: string;
  label: string;
  /** What its feed is called; left out if that is not known. */
  feedLabel?: string;
}

/** What a tail is called where several are: `night-7 / picks`. */
export function tailTitle({ feedLabel, label }: IShownSubfeed): string {
  return feedLabel ? `${feedLabel} / ${label}` : label;
}

/** A place that shows the tail of one subfeed at a time; it is followed while that is looked at. */
export class TailPane implements IDisposable {
  constructor(private readonly _feeds: FeedsModel) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The subfeed that is shown; null if none is. */
  get shown(): IShownSubfeed | null {
    return this._shown;
  }

  get tail(): Tail | null {
    return this._held?.tail ?? null;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Show another subfeed, or none. */
  show(subfeed: IShownSubfeed | null): void {
    if (subfeed?.uri !== this._shown?.uri) {
      this._release();
      this._held = subfeed && this._feeds.tail(subfeed.uri);
    }
    this._shown = subfeed;
    this._follow();
    this._changed.emit();
  }

  /** Follow what is shown until the answer is disposed. */
  watch(): IDisposable {
    this._watchers += 1;
    this._follow();
    return new DisposableDelegate(() => {
      this._watchers -= 1;
      this._follow();
    });
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._release();
      Signal.clearData(this);
    }
  }

  private _follow(): void {
    if (this._watchers === 0) {
      this._watch?.dispose();
      this._watch = null;
    } else {
      this._watch ??= this.tail?.watch() ?? null;
    }
  }

  private _release(): void {
    this._watch?.dispose();
    this._watch = null;
    this._held?.release.dispose();
    this._held = null;
  }

  private readonly _changed = new Signal<this, void>(this);
  private _held: { tail: Tail; release: IDisposable } | null = null;
  private _isDisposed = false;
  private _shown: IShownSubfeed | null = null;
  private _watch: IDisposable | null = null;
  private _watchers = 0;
}
