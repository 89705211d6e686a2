import type { Events } from '../node/events';
import type { IHubLink, INodeStatus } from '../node/nodeTypes';
import type { Requests } from '../node/requests';
import { Model } from './model';

/** In few words, for the status bar. `unknown`: nobody looks, so nobody asked. */
export type Summary = 'unknown' | 'sharing' | 'connecting' | 'private' | 'off' | 'failed';

/** How the node is: its storage, its connections, and whether it shares. */
export class NodeModel extends Model {
  constructor(requests: Requests, events: Events) {
    super(requests, events, ['status', 'channels', 'files']);
  }

  /** What it said last; null until it said something. */
  get status(): INodeStatus | null {
    return this._status;
  }

  /** Its connections to hubs, one for each channel. */
  get hubs(): readonly IHubLink[] {
    return this._hubs;
  }

  /** When it was started, in seconds since 1970. */
  get started(): number {
    return this._started;
  }

  /** How many bytes it keeps as an archive, over all channels. */
  get archived(): number {
    return this._hubs.reduce((sum, { archive }) => sum + (archive?.size ?? 0), 0);
  }

  /** What to say of it in a word; never of what was true some time ago. */
  get summary(): Summary {
    if (!this.active || this.state === 'loading') {
      return 'unknown';
    }
    if (this.state === 'error' || !this._status) {
      return 'failed';
    }
    if (!this._status.sharing.enabled) {
      return 'off';
    }
    if (this._hubs.some(({ state }) => state === 'connected')) {
      return 'sharing';
    }
    return this._hubs.some(({ state }) => state === 'connecting') ? 'connecting' : 'private';
  }

  /**
   * Begin or stop to share with the channels of this node.
   *
   * @throws KacheryError when the node did not do it.
   */
  async share(enabled: boolean): Promise<void> {
    const sharing = await this.requests.post<{ enabled: boolean }>('sharing', { enabled });
    if (this._status) {
      this._status = { ...this._status, sharing };
      this.emit();
    }
    await this.refresh();
  }

  /** Share if it did not, stop if it did; whether it shares now. */
  async toggleSharing(): Promise<boolean> {
    const { enabled } = await this.requests.get<{ enabled: boolean }>('sharing');
    await this.share(!enabled);
    return !enabled;
  }

  protected async fetch(): Promise<void> {
    const [status, { channels }] = await Promise.all([
      this.requests.get<INodeStatus>('status'),
      this.requests.get<{ channels: IHubLink[] }>('channels')
    ]);
    this._status = status;
    this._hubs = channels;
    this._started = Date.now() / 1000 - status.uptime_seconds;
  }

  private _hubs: readonly IHubLink[] = [];
  private _started = 0;
  private _status: INodeStatus | null = null;
}
