import type { Events } from '../node/events';
import { KacheryError } from '../node/errors';
import type { Requests } from '../node/requests';
import { Model } from './model';
import type { Role } from './roles';

/** What this node keeps for a channel as an archive; sizes in bytes. */
export interface IArchive {
  is_on: boolean;
  quota: number;
  size: number;
  contents: number;
  subfeeds: number;
  waiting: number;
  store: string;
}

/** One channel of this node; `expires_at` in seconds since 1970. */
export interface IChannel {
  channel_id: string;
  name: string;
  hub: string;
  state: 'connected' | 'connecting' | 'revoked' | 'expired';
  problem: string;
  is_owner: boolean;
  is_archive: boolean;
  granted: Role[];
  enabled: Role[];
  present: number;
  expires_at: number;
  archive: IArchive | null;
}

/** One member of a channel, as far as this node knows. */
export interface IMember {
  node_id: string;
  name: string;
  roles: Role[];
  is_owner: boolean;
  is_archive: boolean;
  is_present: boolean;
  is_self: boolean;
  keeps: boolean;
  expires_at: number;
  warning: string;
}

/** What is shown of the members of one channel. */
export interface IMembersShown {
  members: IMember[] | null;
  error: KacheryError | null;
}

/** A node to invite, and what it may do. */
export interface IWish {
  node_id: string;
  name: string;
  roles: Role[];
  is_archive: boolean;
}

/** What a member is granted from now on. */
export type Grant = Pick<IWish, 'node_id' | 'roles' | 'is_archive'>;

const NODE_ID = /^[0-9a-f]{64}$/;
const NOTHING: IMembersShown = { members: null, error: null };

/** The node id in what somebody pasted, blanks and capitals forgiven; null if there is none. */
export function pastedNodeId(text: string): string | null {
  const word = text.replace(/\s+/g, '').toLowerCase();
  return NODE_ID.test(word) ? word : null;
}

/**
 * The channels of this node, and the members of those that are open.
 *
 * What changes something rejects with a `KacheryError`, for the form that asked for it.
 */
export class ChannelsModel extends Model {
  constructor(requests: Requests, events: Events) {
    super(requests, events, ['channels']);
  }

  get channels(): readonly IChannel[] {
    return this._channels;
  }

  /** The members of a channel that is open. */
  members(channel: string): IMembersShown {
    return this._members.get(channel) ?? NOTHING;
  }

  /** Whether a channel's members are kept up to date. */
  isOpen(channel: string): boolean {
    return this._members.has(channel);
  }

  /** Keep a channel's members up to date, or forget them. */
  async open(channel: string, isOpen: boolean): Promise<void> {
    if (!isOpen) {
      this._members.delete(channel);
      this.emit();
    } else if (!this.isOpen(channel)) {
      this._members.set(channel, NOTHING);
      this.emit();
      await this.retry(channel);
    }
  }

  /** Ask for a channel's members; what nobody looks at is asked for later. */
  async retry(channel: string): Promise<void> {
    if (this.active) {
      await this._fetchMembers(channel);
      this.emit();
    }
  }

  /** What the owner of a channel needs to invite this node: 64 hex digits. */
  async nodeId(): Promise<string> {
    const { node_id } = await this.requests.get<{ node_id: string }>('status');
    return node_id;
  }

  /** Make a channel at a hub; this node owns it. */
  async create(name: string, hub: string): Promise<IChannel> {
    return this._changing(await this.requests.post<IChannel>('channels', { name, hub }));
  }

  /** Accept an invitation. */
  async join(invitation: string): Promise<IChannel> {
    return this._changing(await this.requests.post<IChannel>('channels/join', { invitation }));
  }

  /** The text with which a node, and nobody else, joins a channel of this node's. */
  async invite(channel: string, wish: IWish): Promise<string> {
    const path = this._path(channel, 'invite');
    const { invitation } = await this.requests.post<{ invitation: string }>(path, wish);
    await this._fetchMembers(channel);
    this.emit();
    return invitation;
  }

  /** Give a member other roles. */
  grant(channel: string, grant: Grant): Promise<void> {
    return this._decide(channel, 'grant', grant);
  }

  /** Put a member out. */
  revoke(channel: string, nodeId: string): Promise<void> {
    return this._decide(channel, 'revoke', { node_id: nodeId });
  }

  /** Leave a channel; its owner gives it up for everybody. */
  async leave(channel: IChannel): Promise<void> {
    await this.requests.post(this._path(channel.channel_id, 'leave'), {
      abandon: channel.is_owner
    });
    this._members.delete(channel.channel_id);
    this._channels = this._channels.filter(one => one.channel_id !== channel.channel_id);
    this.emit();
  }

  /** Use these of the roles that this node is granted, and no others. */
  async enable(channel: IChannel, roles: readonly Role[]): Promise<void> {
    this._changing(
      await this.requests.post<IChannel>(this._path(channel.channel_id, 'roles'), {
        enable: channel.granted.filter(role => roles.includes(role)),
        disable: channel.granted.filter(role => !roles.includes(role))
      })
    );
  }

  /** Keep what passes, up to `quota` bytes, or keep nothing more. */
  async archive(channel: string, isOn: boolean, quota: number | null): Promise<void> {
    this._changing(
      await this.requests.post<IChannel>(this._path(channel, 'archive'), { is_on: isOn, quota })
    );
  }

  protected async fetch(): Promise<void> {
    const { channels } = await this.requests.get<{ channels: IChannel[] }>('channels');
    this._channels = channels;
    const here = new Set(channels.map(one => one.channel_id));
    for (const channel of this._members.keys()) {
      if (!here.has(channel)) {
        this._members.delete(channel);
      }
    }
    await Promise.all([...this._members.keys()].map(channel => this._fetchMembers(channel)));
  }

  /** What could not be asked for is shown at its place; the list of channels stands. */
  private async _fetchMembers(channel: string): Promise<void> {
    let shown: IMembersShown;
    try {
      const path = this._path(channel, 'members');
      const { members } = await this.requests.get<{ members: IMember[] }>(path);
      shown = { members, error: null };
    } catch (reason) {
      shown = { members: this.members(channel).members, error: KacheryError.of(reason) };
    }
    if (this.isOpen(channel)) {
      this._members.set(channel, shown);
    }
  }

  private async _decide(channel: string, verb: string, body: unknown): Promise<void> {
    const path = this._path(channel, verb);
    const { members } = await this.requests.post<{ members: IMember[] }>(path, body);
    if (this.isOpen(channel)) {
      this._members.set(channel, { members, error: null });
    }
    this.emit();
  }

  /** Show at once what the node answered; it tells of the change as well. */
  private _changing(channel: IChannel): IChannel {
    const others = this._channels.filter(one => one.channel_id !== channel.channel_id);
    this._channels = [...others, channel].sort(byName);
    this.emit();
    return channel;
  }

  private _path(channel: string, verb: string): string {
    return `channels/${encodeURIComponent(channel)}/${verb}`;
  }

  private _channels: readonly IChannel[] = [];
  private readonly _members = new Map<string, IMembersShown>();
}

/** In the order in which the node lists them. */
function byName(one: IChannel, other: IChannel): number {
  if (one.name !== other.name) {
    return one.name < other.name ? -1 : 1;
  }
  return one.channel_id < other.channel_id ? -1 : 1;
}
