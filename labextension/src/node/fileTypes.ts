/** What travels about contents: sizes in bytes, times in seconds since 1970. */

/** One line of the catalog. */
export interface IFile {
  sha1: string;
  name: string;
  /** text, json, npy, pkl, bytes, file, link or folder. */
  kind: string;
  size: number;
  uri: string;
  stored_at: number;
  used_at: number;
  /** Where it came from, as whoever stored it says. */
  origin: IOrigin;
  /** It came from another node and may be let go when space is short. */
  fetched: boolean;
  pinned: boolean;
}

export interface IOrigin {
  notebook?: string;
  cell?: string | number;
  program?: string;
  file?: string;
}

/** A piece of the catalog, the newest first. */
export interface IFiles {
  files: IFile[];
  /** How many the node holds. */
  total: number;
  /** How many match the question. */
  found?: number;
}

/** What the node knows of one content. */
export interface IFileInfo {
  sha1: string;
  size: number;
  /** Whether its bytes are here; false in the trash. */
  held: boolean;
  entry: IFile | null;
}

/** A content that is durable now. */
export interface IStored {
  uri: string;
  sha1: string;
  size: number;
}

/** A content that is on its way to this node. */
export interface ITransferFacts {
  sha1: string;
  name: string;
  /** Here and verified. */
  done: number;
  /** 0 before it is known. */
  total: number;
  /** `channel id/node id` of who sends, and on which way: direct or hub. */
  senders: Record<string, string>;
}

export interface ITransfers {
  coming: ITransferFacts[];
}

/** Why something is not found, and what to do about it; each a sentence, `advice` may be empty. */
export interface IExplanation {
  conclusion: string;
  advice: string;
}
