import { DisposableDelegate, type IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';
import { isAbort, KacheryError } from '../node/errors';
import type { Events } from '../node/events';
import type { Requests } from '../node/requests';
import type { Noun } from '../node/types';

/** `loading`: nothing to show yet. `error`: see `error`; what was shown before may still be. */
export type State = 'loading' | 'ready' | 'error';

/**
 * Something the node knows, as a view shows it.
 *
 * A model asks the node only while a view watches it (`watch`) and the page is in sight: at once
 * if it knows nothing or may have missed something, and again whenever one of its nouns changes.
 */
export abstract class Model implements IDisposable {
  constructor(
    protected readonly requests: Requests,
    protected readonly events: Events,
    private readonly _nouns: readonly Noun[]
  ) {
    events.changed.connect(this._onChanged, this);
    events.visibleChanged.connect(this._onVisible, this);
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }
  get state(): State {
    return this._state;
  }
  get error(): KacheryError | null {
    return this._error;
  }
  /** Watched, and in sight: what it shows is kept up to date. */
  get active(): boolean {
    return this._watchers > 0 && this.events.visible;
  }
  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Keep it up to date until the answer is disposed. */
  watch(): IDisposable {
    this._watchers += 1;
    const holder = this.events.hold();
    this._catchUp();
    return new DisposableDelegate(() => {
      this._watchers -= 1;
      holder.dispose();
      // Changes are heard only while it is watched.
      this._stale ||= this._watchers === 0;
    });
  }

  /**
   * Ask the node again, if it is looked at; otherwise when it is looked at next.
   *
   * Resolves when the answer is shown. Calls meanwhile are one more request, not many. Never
   * rejects: see `state` and `error`.
   */
  refresh(): Promise<void> {
    this._stale = true;
    if (!this.active || this._isDisposed) {
      return Promise.resolve();
    }
    this._refreshing ??= this._refreshAll().finally(() => (this._refreshing = null));
    return this._refreshing;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      Signal.clearData(this);
    }
  }

  /** Ask the node and keep the answer; may reject with a `KacheryError`. */
  protected abstract fetch(): Promise<void>;

  /** Tell the views. */
  protected emit(): void {
    this._changed.emit();
  }

  private async _refreshAll(): Promise<void> {
    while (this._stale && this.active && !this._isDisposed) {
      this._stale = false;
      try {
        await this.fetch();
        this._state = 'ready';
        this._error = null;
      } catch (reason) {
        if (!isAbort(reason)) {
          this._state = 'error';
          this._error = KacheryError.of(reason);
        }
      }
      this._changed.emit();
    }
  }

  private _catchUp(): void {
    if (this._stale) {
      void this.refresh();
    }
  }

  private _onChanged(_: Events, nouns: ReadonlySet<Noun>): void {
    if (this._nouns.some(noun => nouns.has(noun))) {
      void this.refresh();
    }
  }

  private _onVisible(_: Events, visible: boolean): void {
    if (visible) {
      this._catchUp();
    } else {
      this._stale = true;
    }
    this._changed.emit();
  }

  private _changed = new Signal<this, void>(this);
  private _error: KacheryError | null = null;
  private _isDisposed = false;
  private _refreshing: Promise<void> | null = null;
  private _stale = true;
  private _state: State = 'loading';
  private _watchers = 0;
}
