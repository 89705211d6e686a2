import { isAbort, KacheryError } from '../node/errors';
import type { Events } from '../node/events';
import type { IExplanation, IStored, ITransfers } from '../node/fileTypes';
import type { Requests } from '../node/requests';
import type { ILoadEvent } from '../node/types';
import { upload } from '../node/uploads';
import { Model } from './model';
import { begun, isGoing, type ITransfer, nameOf, ofNode, RateMeter, sha1Of } from './transfer';

/** What is done stays in sight for a moment, in ms. */
const LINGER = 4000;
/** How often the node is asked how far others' transfers are, while there are some, in ms. */
const LOOK_AGAIN = 1000;

/** How a file gets to the node. */
export type Upload = typeof upload;

/** Everything that is on its way, the newest first. */
export class TransfersModel extends Model {
  constructor(
    requests: Requests,
    events: Events,
    private readonly _upload: Upload = upload
  ) {
    super(requests, events, ['transfers']);
    events.load.connect(this._onLoad, this);
    events.opened.connect(this._onOpened, this);
  }

  get items(): readonly ITransfer[] {
    const own = [...this._own.values()].reverse();
    const known = new Set(own.filter(isGoing).map(item => sha1Of(item.uri)));
    return [...own, ...this._others.filter(item => !known.has(sha1Of(item.uri)))];
  }

  /**
   * Store a file of the user's computer.
   *
   * What goes wrong is in the list as well; an `AbortError` means: it was cancelled.
   */
  async send(file: File): Promise<IStored> {
    const item = this._begin('store', file.name, '', file.size);
    const aborting = new AbortController();
    this._cancels.set(item.id, () => aborting.abort());
    const meter = new RateMeter();
    try {
      const stored = await this._upload<IStored>(this.requests, 'files', file, {
        query: { name: file.name, kind: 'file' },
        signal: aborting.signal,
        onProgress: done => this._reach(item, done, meter.rate(done))
      });
      this._end(item);
      return stored;
    } catch (reason) {
      this._fail(item, reason);
      throw reason;
    }
  }

  /** Store a file of Jupyter's file browser; otherwise as `send`. */
  async storePath(path: string): Promise<IStored> {
    const item = this._begin('store', path.split('/').pop() || path, '', 0);
    try {
      const stored = await this.requests.post<IStored>('store', { path });
      this._end(item);
      return stored;
    } catch (reason) {
      this._fail(item, reason);
      throw reason;
    }
  }

  /** Have a content of another node here; resolves with whether it came. */
  async load(uri: string): Promise<boolean> {
    const item = this._begin('load', nameOf(uri), uri, 0);
    // How far it is comes over the socket, whether or not a view is open.
    const holder = this.events.hold();
    try {
      const { load } = await this.requests.post<{ load: string }>('loads', { uri });
      this._loads.set(load, item);
      this._cancels.set(item.id, () => void this.requests.delete(`loads/${load}`));
      const ended = new Promise<boolean>(resolve => this._waiting.set(item.id, resolve));
      this._early.filter(event => event.load === load).forEach(event => this._hear(event));
      return await ended;
    } catch (reason) {
      this._fail(item, reason);
      return false;
    } finally {
      holder.dispose();
    }
  }

  /** Stop what is going; put away what has ended. */
  cancel(item: ITransfer): void {
    if (item.what === 'node') {
      const given = this.requests.delete(`transfers/${item.id}`);
      void given.catch(reason => this._complain(item, reason)).then(() => this.refresh());
      return;
    }
    const cancel = this._cancels.get(item.id);
    this._drop(item);
    cancel?.();
  }

  override dispose(): void {
    clearTimeout(this._timer);
    super.dispose();
  }

  protected async fetch(): Promise<void> {
    const { coming } = await this.requests.get<ITransfers>('transfers');
    const meters = new Map<string, RateMeter>();
    this._others = coming.map(facts => {
      const meter = this._meters.get(facts.sha1) ?? new RateMeter();
      meters.set(facts.sha1, meter);
      return ofNode(facts, meter.rate(facts.done));
    });
    this._meters = meters;
    clearTimeout(this._timer);
    if (coming.length > 0) {
      this._timer = setTimeout(() => void this.refresh(), LOOK_AGAIN);
    }
  }

  private _begin(what: 'store' | 'load', name: string, uri: string, total: number): ITransfer {
    const id = `${what}-${(this._count += 1)}`;
    const item: ITransfer = begun({ id, what, name, uri, total });
    this._own.set(id, item);
    this.emit();
    return item;
  }

  private _reach(item: ITransfer, done: number, rate: number): void {
    item.done = done;
    item.rate = rate;
    this.emit();
  }

  private _end(item: ITransfer): void {
    item.state = 'done';
    item.done = item.total;
    setTimeout(() => this._drop(item), LINGER);
    this._settle(item, true);
  }

  private _fail(item: ITransfer, reason: unknown): void {
    if (isAbort(reason) || !this._own.has(item.id)) {
      this._drop(item);
    } else {
      this._complain(item, reason);
    }
    this._settle(item, false);
  }

  private _complain(item: ITransfer, reason: unknown): void {
    item.state = 'failed';
    item.error = KacheryError.of(reason);
    this.emit();
  }

  private _drop(item: ITransfer): void {
    this._own.delete(item.id);
    this._settle(item, false);
  }

  /** Tell who waits how it ended; only the first time counts. */
  private _settle(item: ITransfer, came: boolean): void {
    this._cancels.delete(item.id);
    this._waiting.get(item.id)?.(came);
    this._waiting.delete(item.id);
    for (const [load, one] of this._loads) {
      if (one === item) {
        this._loads.delete(load);
      }
    }
    this.emit();
  }

  private _onLoad(_: Events, event: ILoadEvent): void {
    // The socket may be faster than the answer that says how this load is called.
    this._early = [...this._early.slice(-50), event];
    this._hear(event);
  }

  private _hear(event: ILoadEvent): void {
    const item = this._loads.get(event.load);
    if (!item) {
      return;
    }
    if (event.error) {
      this._fail(item, KacheryError.fromWire(event.error));
    } else if (event.done !== undefined) {
      if (event.done) {
        this._end(item);
      } else {
        void this._explain(item);
      }
    } else if (event.progress) {
      const { done, total, rate, providers, path } = event.progress;
      Object.assign(item, { total: total ?? 0, providers, path: path ?? '' });
      this._reach(item, done, rate ?? 0);
    }
  }

  /** Nobody had it: the node is asked why, and what to do about it. */
  private async _explain(item: ITransfer): Promise<void> {
    try {
      const query = { uri: item.uri };
      const told = await this.requests.get<IExplanation>('explain', { query });
      this._fail(item, new KacheryError('content-not-found', told.conclusion, told.advice));
    } catch (reason) {
      this._fail(item, reason);
    }
  }

  /** While the socket was closed a load may have ended unheard: is its content here now? */
  private _onOpened(): void {
    for (const item of this._loads.values()) {
      const asked = this.requests.get<{ held: boolean }>(`files/${sha1Of(item.uri)}/info`);
      void asked.then(
        info => info.held && this._end(item),
        () => undefined // Not here: it goes on, and its events will say how.
      );
    }
  }

  private _cancels = new Map<string, () => void>();
  private _count = 0;
  private _early: ILoadEvent[] = [];
  private _loads = new Map<string, ITransfer>();
  private _meters = new Map<string, RateMeter>();
  private _others: ITransfer[] = [];
  private _own = new Map<string, ITransfer>();
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _waiting = new Map<string, (came: boolean) => void>();
}
