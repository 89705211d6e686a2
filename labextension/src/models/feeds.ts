import { DisposableDelegate, type IDisposable } from '@lumino/disposable';
import { KacheryError } from '../node/errors';
import type { Events } from '../node/events';
import type { Requests } from '../node/requests';
import { Model } from './model';
import { MOST_KEPT, Tail } from './tail';

/** One subfeed: a log under the feed's key. */
export interface ISubfeed {
  subfeed: string;
  name: unknown;
  length: number;
}

/** One feed; `created_at` in seconds since 1970. */
export interface IFeed {
  feed: string;
  uri: string;
  name: string | null;
  is_writeable: boolean;
  created_at: number;
  retired: { successor?: string | null; reason?: string } | null;
  subfeeds: ISubfeed[];
  legacy: boolean;
  is_copy: boolean;
}

/** What is shown of the subfeeds of one feed. */
export interface ISubfeedsShown {
  subfeeds: ISubfeed[] | null;
  error: KacheryError | null;
}

const NOTHING: ISubfeedsShown = { subfeeds: null, error: null };
// Seconds that a pasted URI is looked for on the channels.
const LOOK_SECONDS = 20;
// And one that is opened; when it changes, what this node heard of it is enough.
const OPEN_SECONDS = 2;
const PAUSE_MSEC = 300;

/** The feeds this node writes or has copies of, the subfeeds of those that are open, and tails. */
export class FeedsModel extends Model {
  constructor(requests: Requests, events: Events) {
    super(requests, events, ['feeds']);
  }

  /** How many messages of a tail are kept, of those that begin from now on. */
  mostKept = MOST_KEPT;

  /** The newest first. */
  get feeds(): readonly IFeed[] {
    return this._feeds;
  }

  /** The subfeeds of a feed that is open. */
  subfeeds(feed: string): ISubfeedsShown {
    return this._open.get(feed) ?? NOTHING;
  }

  isOpen(feed: string): boolean {
    return this._open.has(feed);
  }

  /** Keep a feed's subfeeds up to date, or forget them. */
  async open(feed: string, isOpen: boolean): Promise<void> {
    if (!isOpen) {
      this._open.delete(feed);
      this.emit();
    } else if (!this.isOpen(feed)) {
      this._open.set(feed, NOTHING);
      this.emit();
      await this.retry(feed);
    }
  }

  /** Ask for a feed's subfeeds; what nobody looks at is asked for later. */
  async retry(feed: string): Promise<void> {
    if (this.active) {
      await this._fetchSubfeeds(feed);
      this.emit();
    }
  }

  /** Make a feed. */
  async create(name: string): Promise<IFeed> {
    const feed = await this.requests.post<IFeed>('feeds', { name: name || null });
    this._feeds = [feed, ...this._feeds.filter(one => one.feed !== feed.feed)];
    this.emit();
    return feed;
  }

  /** Find a feed by its public key, here or on the channels; a copy is kept here from now on. */
  async follow(key: string): Promise<IFeed> {
    const found = await this._describe(key, LOOK_SECONDS);
    this._open.set(found.feed, { subfeeds: found.subfeeds, error: null });
    if (!this._feeds.some(one => one.feed === found.feed)) {
      this._feeds = [{ ...found, subfeeds: [] }, ...this._feeds];
    }
    this.emit();
    return found;
  }

  /** The end of a subfeed, shared by all who look at it; dispose `release` when nobody does. */
  tail(uri: string): { tail: Tail; release: IDisposable } {
    const shared = this._tails.get(uri) ?? {
      tail: new Tail(this.events, uri, this.mostKept),
      holders: 0
    };
    this._tails.set(uri, shared);
    shared.holders += 1;
    const release = new DisposableDelegate(() => {
      shared.holders -= 1;
      if (shared.holders === 0) {
        shared.tail.dispose();
        this._tails.delete(uri);
      }
    });
    return { tail: shared.tail, release };
  }

  override dispose(): void {
    this._tails.forEach(({ tail }) => tail.dispose());
    this._tails.clear();
    super.dispose();
  }

  /** A burst of messages changes lengths many times a second: what is seen of it is enough. */
  protected async fetch(): Promise<void> {
    const wait = this._lastFetch + PAUSE_MSEC - Date.now();
    if (wait > 0) {
      await new Promise(resolve => setTimeout(resolve, wait));
    }
    this._lastFetch = Date.now();
    const { feeds } = await this.requests.get<{ feeds: IFeed[] }>('feeds');
    this._feeds = feeds;
    const here = new Set(feeds.map(one => one.feed));
    for (const feed of this._open.keys()) {
      if (!here.has(feed)) {
        this._open.delete(feed);
      }
    }
    await Promise.all([...this._open.keys()].map(feed => this._fetchSubfeeds(feed, 0)));
  }

  /** What could not be asked for is shown at its place; the list of feeds stands. */
  private async _fetchSubfeeds(feed: string, seconds = OPEN_SECONDS): Promise<void> {
    let shown: ISubfeedsShown;
    try {
      const found = await this._describe(feed, seconds);
      shown = { subfeeds: found.subfeeds, error: null };
    } catch (reason) {
      shown = { subfeeds: this.subfeeds(feed).subfeeds, error: KacheryError.of(reason) };
    }
    if (this.isOpen(feed)) {
      this._open.set(feed, shown);
    }
  }

  private _describe(feed: string, timeout_seconds: number): Promise<IFeed> {
    return this.requests.get<IFeed>(`feeds/${feed}`, { query: { timeout_seconds } });
  }

  private _feeds: readonly IFeed[] = [];
  private _lastFetch = 0;
  private readonly _open = new Map<string, ISubfeedsShown>();
  private readonly _tails = new Map<string, { tail: Tail; holders: number }>();
}
