import { describe, expect, it } from 'vitest';
import { nodeStatus } from '../testing/nodeStatus';
import { ScriptedNode, settle } from '../testing/scripted';
import { NodeModel } from './node';

const link = { hub: 'kachery+tls://hub', problem: '' };
const CHANNELS = [
  { ...link, channel_id: 'A', name: 'lab', state: 'connected', archive: { size: 2e9 } },
  { ...link, channel_id: 'B', name: 'club', state: 'connecting', archive: null }
];

function scripted(status = nodeStatus()): ScriptedNode {
  return new ScriptedNode({
    'GET status': () => ({ body: status }),
    'GET channels': { body: { channels: CHANNELS } },
    'GET sharing': () => ({ body: status.sharing }),
    'POST sharing': ({ body }) => {
      status = nodeStatus({ sharing: body as { enabled: boolean } });
      return { body: status.sharing };
    }
  });
}

describe('the model of the node', () => {
  it('says nothing of a node that nobody looks at', async () => {
    const node = scripted();
    const model = new NodeModel(node.requests, node.events);
    expect(model.summary).toBe('unknown');
    const watch = model.watch();
    await settle();
    expect(model.summary).toBe('sharing');
    watch.dispose();
    expect(model.summary).toBe('unknown');
  });

  it('adds up what it keeps for its channels', async () => {
    const node = scripted();
    const model = new NodeModel(node.requests, node.events);
    model.watch();
    await settle();
    expect(model.archived).toBe(2e9);
    expect(model.started).toBeCloseTo(Date.now() / 1000 - 60, -1);
  });

  it('starts and stops to share', async () => {
    const node = scripted();
    const model = new NodeModel(node.requests, node.events);
    model.watch();
    await settle();
    await model.share(false);
    expect(model.status?.sharing.enabled).toBe(false);
    expect(model.summary).toBe('off');
  });

  it('turns sharing over even while nobody looks', async () => {
    const node = scripted();
    const model = new NodeModel(node.requests, node.events);
    expect(await model.toggleSharing()).toBe(false);
    expect(await model.toggleSharing()).toBe(true);
  });

  it('says that the node does not answer', async () => {
    const error = { code: 'node-gone', message: 'The node is gone.', hint: 'Start it.' };
    const node = new ScriptedNode({
      'GET status': { status: 503, body: { message: error.message, error } }
    });
    const model = new NodeModel(node.requests, node.events);
    model.watch();
    await settle();
    expect(model.summary).toBe('failed');
    expect(model.error?.hint).toBe('Start it.');
  });
});
