/** What travels between the browser and the node: the wire, as it is. */

/** What may have changed; see `Events.changed`. */
export const NOUNS = ['files', 'feeds', 'channels', 'transfers', 'status'] as const;
export type Noun = (typeof NOUNS)[number];

/** An error as the node tells it: whose fault, what happened, what to do next. */
export interface IWireError {
  code: string;
  message: string;
  hint?: string | null;
  fields?: Record<string, unknown> | null;
}

/** How far a load is; sizes in bytes, `rate` in bytes a second. */
export interface ILoadProgress {
  done: number;
  total: number | null;
  rate: number | null;
  providers: number;
  path?: string | null;
}

/** One step of a load that the browser asked for. */
export interface ILoadEvent {
  load: string;
  uri: string;
  progress?: ILoadProgress;
  done?: boolean;
  error?: IWireError;
}

/** Messages of a feed that is tailed; the first has number `first`. */
export interface IFeedMessages {
  uri: string;
  first: number;
  messages: unknown[];
}

/** What the socket of events says, one JSON object per message. */
export type IEvent =
  | { type: 'changed'; nouns: Noun[] }
  | ({ type: 'load' } & ILoadEvent)
  | ({ type: 'messages' } & IFeedMessages)
  | { type: 'tail_error'; uri: string; error: IWireError };
