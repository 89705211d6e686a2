/**
 * Names of feeds and subfeeds, as people read them and as URIs have them.
 */

import { visible } from './visible';

const FEED_URI = /^feed:\/\/([0-9a-f]{64})(?:\/(.*))?$/i;
// What Python's `quote` escapes and `encodeURIComponent` does not.
const LEFT_OVER = /[!'()*]/g;
/** A subfeed as the node describes it; names are text, objects or lists, or null if unknown. */
export interface INamed {
  subfeed: string;
  name: unknown;
}

/** The parts of a feed URI. */
export interface IFeedParts {
  feed: string;
  subfeed: string | null;
}

/** The parts of a feed URI that somebody pasted, or null if it is none. */
export function parseFeedUri(text: string): IFeedParts | null {
  const match = FEED_URI.exec(text.trim().split('?')[0]);
  return match && { feed: match[1].toLowerCase(), subfeed: match[2] || null };
}

/** The URI of a subfeed: readable where its name is text, its hash elsewhere. */
export function subfeedUri(feed: string, named: INamed): string {
  return `feed://${feed}/${escaped(named.name) ?? `~${named.subfeed}`}`;
}

/** What a subfeed is called, for people: text as it is, an object as `key: value, …`. */
export function subfeedLabel(named: INamed): string {
  const { name } = named;
  if (typeof name === 'string' && name) {
    return visible(name);
  }
  if (typeof name === 'object' && name !== null) {
    const label = plain(name).slice(1, -1);
    return label || JSON.stringify(name);
  }
  return `~${named.subfeed.slice(0, 10)}…`;
}

/** Whether it is the subfeed in which the node itself writes that the feed has ended. */
export function isControl(named: INamed): boolean {
  const { name } = named;
  return (
    typeof name === 'object' &&
    name !== null &&
    Object.keys(name).length === 1 &&
    (name as Record<string, unknown>).kachery === 'control'
  );
}

/** What a feed is called, for people: its maker's name for it, else the start of its key. */
export function feedLabel(feed: { name: string | null; feed: string }): string {
  return visible(feed.name ?? '') || `${feed.feed.slice(0, 10)}…`;
}

function escaped(name: unknown): string | null {
  if (typeof name !== 'string' || !name) {
    return null;
  }
  try {
    return encodeURIComponent(name)
      .replace(LEFT_OVER, found => `%${found.charCodeAt(0).toString(16).toUpperCase()}`)
      .replace(/%2F/g, '/');
  } catch (problem) {
    // Half a character has no place in a URI; the hash says the same.
    if (problem instanceof URIError) {
      return null;
    }
    throw problem;
  }
}

/** JSON as people would write it: without quotes. */
function plain(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map(plain).join(', ')}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const parts = Object.entries(value).map(([key, inner]) => `${key}: ${plain(inner)}`);
    return `{${parts.join(', ')}}`;
  }
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
