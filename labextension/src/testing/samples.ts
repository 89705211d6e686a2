import type { IChannel, IMember } from '../models/channels';
import type { IFeed } from '../models/feeds';

export const FEED = 'ab'.repeat(32);
export const NODE = 'cd'.repeat(32);

/** A channel as the node describes it. */
export function channel(change: Partial<IChannel> = {}): IChannel {
  return {
    channel_id: 'ALAB',
    name: 'lab',
    hub: 'tls://127.0.0.1:7422',
    state: 'connected',
    problem: '',
    is_owner: true,
    is_archive: false,
    granted: ['request-files', 'provide-files', 'request-feeds'],
    enabled: ['request-files', 'request-feeds'],
    present: 1,
    expires_at: 1_800_000_000,
    archive: null,
    ...change
  };
}

/** A member as the node describes it. */
export function member(change: Partial<IMember> = {}): IMember {
  return {
    node_id: NODE,
    name: 'desk',
    roles: ['request-files', 'provide-files'],
    is_owner: false,
    is_archive: false,
    is_present: true,
    is_self: false,
    keeps: false,
    expires_at: 1_800_000_000,
    warning: '',
    ...change
  };
}

/** A feed as the node describes it. */
export function feed(change: Partial<IFeed> = {}): IFeed {
  return {
    feed: FEED,
    uri: `feed://${FEED}`,
    name: 'night-7',
    is_writeable: true,
    created_at: 1_700_000_000,
    retired: null,
    subfeeds: [],
    legacy: false,
    is_copy: false,
    ...change
  };
}
