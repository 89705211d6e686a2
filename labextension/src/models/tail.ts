/**
 * The end of a subfeed, live: the newest messages, a bounded number of them.
 *
 * Nothing is asked for while nobody watches or it is paused; afterwards it goes on with the newest.
 */

import { DisposableDelegate, type IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';
import type { KacheryError } from '../node/errors';
import type { Events } from '../node/events';
import type { IFeedMessages } from '../node/types';

/** Messages kept of a tail; older ones leave. */
export const MOST_KEPT = 500;
// A burst of messages changes the screen at most this often.
const PAUSE_MSEC = 60;

/** A message and its place in the subfeed. */
export interface ITailed {
  index: number;
  message: unknown;
}

/** Where messages come from: the page's one connection. */
export type TailSource = Pick<
  Events,
  'hold' | 'messages' | 'tail' | 'tailFailed' | 'visible' | 'visibleChanged'
>;

export type TailState = 'waiting' | 'live' | 'paused' | 'error';

/** The newest messages of one subfeed. */
export class Tail implements IDisposable {
  /** `uri` of the subfeed; at most `mostKept` messages are kept. */
  constructor(
    private readonly _source: TailSource,
    readonly uri: string,
    private readonly _mostKept = MOST_KEPT
  ) {
    _source.messages.connect(this._onMessages, this);
    _source.tailFailed.connect(this._onError, this);
    _source.visibleChanged.connect(this._follow, this);
  }

  /** Emitted when something of it changed; many messages at once, not one by one. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The newest messages, oldest first. */
  get messages(): readonly ITailed[] {
    return this._messages;
  }

  /** How many messages the subfeed has, as far as this tail saw. */
  get length(): number {
    return this._next;
  }

  /** How many messages came since somebody first watched, other than those that were there. */
  get arrived(): number {
    return this._arrived;
  }

  get error(): KacheryError | null {
    return this._error;
  }

  get isPaused(): boolean {
    return this._isPaused;
  }

  get state(): TailState {
    if (this._error) {
      return 'error';
    }
    if (this._isPaused) {
      return 'paused';
    }
    return this._next > 0 ? 'live' : 'waiting';
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Be asked for while somebody looks; dispose what comes back when nobody does. */
  watch(): IDisposable {
    this._watchers += 1;
    const holder = this._source.hold();
    this._follow();
    return new DisposableDelegate(() => {
      this._watchers -= 1;
      this._follow();
      holder.dispose();
    });
  }

  /** Stop for a while, or go on. */
  pause(isPaused: boolean): void {
    this._isPaused = isPaused;
    this._follow();
    this._changed.emit();
  }

  /** Ask again after an error. */
  retry(): void {
    this._error = null;
    this._unfollow();
    this._follow();
    this._changed.emit();
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._unfollow();
      clearTimeout(this._timer);
      Signal.clearData(this);
    }
  }

  private _follow(): void {
    const isWatched = this._watchers > 0 && this._source.visible && !this._isDisposed;
    const isWanted = isWatched && !this._isPaused && !this._error;
    if (isWanted && !this._asking) {
      this._asking = this._source.tail(this.uri, -this._mostKept);
    } else if (!isWanted) {
      this._unfollow();
    }
  }

  private _unfollow(): void {
    this._asking?.dispose();
    this._asking = null;
  }

  private _onMessages(_: unknown, arrived: IFeedMessages): void {
    if (arrived.uri !== this.uri || !this._asking) {
      return;
    }
    const known = Math.max(0, this._next - arrived.first);
    const fresh = arrived.messages
      .slice(known)
      .map((message, at) => ({ index: arrived.first + known + at, message }));
    if (fresh.length === 0) {
      return;
    }
    // After a gap (a long pause) what is old would not join what is new.
    const isGap = this._messages.length > 0 && arrived.first > this._next;
    this._arrived += this._next > 0 ? fresh.length : 0;
    this._messages = [...(isGap ? [] : this._messages), ...fresh].slice(-this._mostKept);
    this._next = fresh[fresh.length - 1].index + 1;
    this._changeSoon();
  }

  private _onError(_: unknown, failed: { uri: string; error: KacheryError }): void {
    if (failed.uri === this.uri) {
      this._error = failed.error;
      this._unfollow();
      this._changed.emit();
    }
  }

  /** At once after a while of silence, else when the pause is over. */
  private _changeSoon(): void {
    const wait = this._lastChange + PAUSE_MSEC - Date.now();
    if (wait <= 0) {
      this._change();
    } else {
      this._timer ??= setTimeout(() => this._change(), wait);
    }
  }

  private _change(): void {
    clearTimeout(this._timer);
    this._timer = undefined;
    this._lastChange = Date.now();
    this._changed.emit();
  }

  private readonly _changed = new Signal<this, void>(this);
  private _messages: readonly ITailed[] = [];
  private _lastChange = 0;
  private _next = 0;
  private _arrived = 0;
  private _watchers = 0;
  private _isPaused = false;
  private _isDisposed = false;
  private _error: KacheryError | null = null;
  private _asking: IDisposable | null = null;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}
