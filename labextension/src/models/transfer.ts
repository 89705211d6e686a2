import type { KacheryError } from '../node/errors';
import type { ITransferFacts } from '../node/fileTypes';
import { visible } from './visible';

const SHA1 = /[0-9a-f]{40}/i;

/** Something on its way: from the browser to the node, or from other nodes to this one. */
export interface ITransfer {
  readonly id: string;
  /** `store`: from the browser or the file browser; `load`: asked for here; `node`: by a program. */
  readonly what: 'store' | 'load' | 'node';
  /** As it can be shown: somebody else may have chosen it. */
  readonly name: string;
  /** Of the content, as far as it is known. */
  readonly uri: string;
  done: number;
  /** 0 while it is not known. */
  total: number;
  /** Bytes a second, lately; 0 while it is not known. */
  rate: number;
  /** Nodes that send at the moment. */
  providers: number;
  /** direct, hub, both or ''. */
  path: string;
  state: 'going' | 'done' | 'failed';
  error: KacheryError | null;
}

const BLANK = {
  done: 0,
  rate: 0,
  providers: 0,
  path: '',
  state: 'going',
  error: null
} as const;

/** A transfer that begins now. */
export function begun(facts: Pick<ITransfer, 'id' | 'what' | 'name' | 'uri' | 'total'>): ITransfer {
  return { ...BLANK, ...facts, name: visible(facts.name) };
}

/** Bytes a second over the last few seconds. */
export class RateMeter {
  rate(done: number, now = performance.now()): number {
    this._seen = [...this._seen.filter(([time]) => now - time < 3000), [now, done]];
    const [time, first] = this._seen[0];
    return now > time ? Math.max(0, ((done - first) / (now - time)) * 1000) : 0;
  }

  private _seen: [number, number][] = [];
}

/** Whether a text begins as a content's URI does, in any generation of kachery. */
export function isContentUri(text: string): boolean {
  return /^\s*((sha1|sha1dir):\/\/|kachery:)\S/i.test(text);
}

/** What a URI calls its content: the last part of its path. */
export function nameOf(uri: string): string {
  const path = uri.split(/[?#]/)[0].split('/').slice(3).filter(Boolean);
  const last = path.pop() ?? '';
  try {
    return decodeURIComponent(last) || shortened(uri);
  } catch {
    return last; // '%' that escapes nothing: shown as it is
  }
}

function shortened(uri: string): string {
  return uri.length > 24 ? `${uri.slice(0, 20)}…` : uri;
}

/** The SHA-1 in a URI; empty if there is none. */
export function sha1Of(uri: string): string {
  return SHA1.exec(uri)?.[0].toLowerCase() ?? '';
}

export function isGoing(item: ITransfer): boolean {
  return item.state === 'going';
}

/** A transfer as the node tells of it. */
export function ofNode(facts: ITransferFacts, rate: number): ITransfer {
  const ways = new Set(Object.values(facts.senders));
  return {
    ...BLANK,
    id: facts.sha1,
    what: 'node',
    name: visible(facts.name) || shortened(`sha1://${facts.sha1}`),
    uri: `sha1://${facts.sha1}`,
    done: facts.done,
    total: facts.total,
    rate,
    providers: Object.keys(facts.senders).length,
    path: ways.size > 1 ? 'both' : ([...ways][0] ?? '')
  };
}
