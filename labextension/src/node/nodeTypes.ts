/** How the node says it is; sizes in bytes, times in seconds. */

export interface INodeStatus {
  node_id: string;
  version: string;
  storage_dir: string;
  contents: number;
  bytes: number;
  free_bytes: number;
  uptime_seconds: number;
  shared: boolean;
  settings: ISetting[];
  /** What it may keep as an archive, over all channels; null: it is none. */
  quota: number | null;
  direct: {
    /** null: not known, as no channel needed it yet. */
    reachable: boolean | null;
    port: number | null;
    addresses: string[];
  };
  sharing: { enabled: boolean };
}

export interface ISetting {
  name: string;
  value: unknown;
  source: string;
  unit: string;
  help: string;
}

/** A channel, as far as its hub is concerned. */
export interface IHubLink {
  channel_id: string;
  name: string;
  hub: string;
  state: 'connected' | 'connecting' | 'revoked' | 'expired' | 'off';
  problem: string;
  archive: { size: number } | null;
}
