import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { DisposableDelegate, type IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';
import { KacheryError } from './errors';
import { API } from './requests';
import { NOUNS, type IEvent, type IFeedMessages, type ILoadEvent, type Noun } from './types';

/** Waits between tries to connect, in ms; the last one again and again. */
const BACKOFF = [250, 500, 1000, 2000, 5000, 10000];

/**
 * What happens at the node, heard over one WebSocket.
 *
 * The socket is open while somebody holds it (`hold`) and the page is in sight; otherwise nothing
 * is asked and nothing is sent. It is opened again when it breaks; as events may have been missed
 * then, `opened` says: ask again for what you show.
 */
export class Events implements IDisposable {
  constructor(private readonly _settings: ServerConnection.ISettings) {
    document.addEventListener('visibilitychange', this._follow);
  }

  /** The socket was opened, or the page came into sight again. */
  get opened(): ISignal<this, void> {
    return this._opened;
  }
  /** `visible` changed. */
  get visibleChanged(): ISignal<this, boolean> {
    return this._visibleChanged;
  }
  /** Something of these nouns changed. */
  get changed(): ISignal<this, ReadonlySet<Noun>> {
    return this._changed;
  }
  get load(): ISignal<this, ILoadEvent> {
    return this._load;
  }
  get messages(): ISignal<this, IFeedMessages> {
    return this._messages;
  }
  get tailFailed(): ISignal<this, { uri: string; error: KacheryError }> {
    return this._tailFailed;
  }

  /** Somebody holds it and the page is in sight: requests may be made. */
  get visible(): boolean {
    return this._visible;
  }
  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Listen until the answer is disposed. */
  hold(): IDisposable {
    this._holders += 1;
    this._follow();
    return new DisposableDelegate(() => {
      this._holders -= 1;
      this._follow();
    });
  }

  /** Have everything that is in sight asked for again, as if all of it had changed. */
  askAgain(): void {
    this._changed.emit(new Set(NOUNS));
  }

  /**
   * Hear messages of a feed from number `from` on (or the last `-from` ones) until disposed.
   *
   * One tail per feed: a second one of the same feed takes the place of the first.
   */
  tail(uri: string, from: number): IDisposable {
    const wanted = { uri, from };
    this._tails.set(uri, wanted);
    this._say({ tail: uri, from });
    const holder = this.hold();
    return new DisposableDelegate(() => {
      if (this._tails.get(uri) === wanted) {
        this._tails.delete(uri);
        this._say({ untail: uri });
      }
      holder.dispose();
    });
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      document.removeEventListener('visibilitychange', this._follow);
      this._follow();
      Signal.clearData(this);
    }
  }

  /** Open or close the socket, as is due. */
  private _follow = (): void => {
    const visible = this._holders > 0 && !document.hidden && !this._isDisposed;
    if (visible === this._visible) {
      return;
    }
    this._visible = visible;
    if (visible) {
      this._tries = 0;
      this._open();
    } else {
      this._close();
    }
    this._visibleChanged.emit(visible);
  };

  private _open(): void {
    const { WebSocket, wsUrl, token, appendToken } = this._settings;
    const query = appendToken && token ? `?token=${encodeURIComponent(token)}` : '';
    const socket = new WebSocket(URLExt.join(wsUrl, API, 'events') + query);
    this._socket = socket;
    socket.onopen = () => {
      this._tries = 0;
      for (const { uri, from } of this._tails.values()) {
        this._say({ tail: uri, from });
      }
      this._opened.emit();
    };
    socket.onmessage = message => this._hear(String(message.data));
    socket.onclose = () => this._again(socket);
  }

  private _close(): void {
    window.clearTimeout(this._timer);
    const socket = this._socket;
    this._socket = null;
    socket?.close();
  }

  private _again(socket: WebSocket): void {
    if (socket !== this._socket) {
      return;
    }
    this._socket = null;
    const wait = BACKOFF[Math.min(this._tries, BACKOFF.length - 1)];
    this._tries += 1;
    this._timer = window.setTimeout(() => this._open(), wait);
  }

  private _say(words: Record<string, unknown>): void {
    if (this._socket?.readyState === 1) {
      this._socket.send(JSON.stringify(words));
    }
  }

  private _hear(text: string): void {
    const event = parsed(text);
    switch (event?.type) {
      case 'changed':
        return this._changed.emit(new Set(event.nouns));
      case 'load':
        return this._load.emit(event);
      case 'messages':
        return this._told(event);
      case 'tail_error':
        return this._tailFailed.emit({ uri: event.uri, error: KacheryError.fromWire(event.error) });
    }
  }

  /** Remember how far a tail is: a socket opened anew goes on from there. */
  private _told(event: IFeedMessages): void {
    const tail = this._tails.get(event.uri);
    if (tail) {
      tail.from = event.first + event.messages.length;
    }
    this._messages.emit(event);
  }

  private _changed = new Signal<this, ReadonlySet<Noun>>(this);
  private _holders = 0;
  private _isDisposed = false;
  private _load = new Signal<this, ILoadEvent>(this);
  private _messages = new Signal<this, IFeedMessages>(this);
  private _opened = new Signal<this, void>(this);
  private _socket: WebSocket | null = null;
  private _tailFailed = new Signal<this, { uri: string; error: KacheryError }>(this);
  private _tails = new Map<string, { uri: string; from: number }>();
  private _timer = 0;
  private _tries = 0;
  private _visible = false;
  private _visibleChanged = new Signal<this, boolean>(this);
}

/** What the server said; null for what this page does not understand. */
function parsed(text: string): IEvent | null {
  try {
    return JSON.parse(text) as IEvent;
  } catch {
    return null;
  }
}
