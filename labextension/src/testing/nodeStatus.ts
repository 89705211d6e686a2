import type { INodeStatus } from '../node/nodeTypes';

/** What a node says that is well. */
export function nodeStatus(change: Partial<INodeStatus> = {}): INodeStatus {
  return {
    node_id: 'ab'.repeat(32),
    version: '0.1.0',
    storage_dir: '/home/ann/storage',
    contents: 3,
    bytes: 4_200_000,
    free_bytes: 70e9,
    uptime_seconds: 60,
    shared: false,
    settings: [],
    quota: 10e9,
    direct: { reachable: true, port: 4000, addresses: ['127.0.0.1:4000'] },
    sharing: { enabled: true },
    ...change
  };
}
