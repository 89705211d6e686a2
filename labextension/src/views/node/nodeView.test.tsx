import { nullTranslator } from '@jupyterlab/translation';
import { afterEach, describe, expect, it } from 'vitest';
import { NodeModel } from '../../models/node';
import type { INodeStatus } from '../../node/nodeTypes';
import { nodeStatus } from '../../testing/nodeStatus';
import { Screen } from '../../testing/screen';
import { type Answer, ScriptedNode } from '../../testing/scripted';
import { NodeView } from './nodeView';
import { StatusItem } from './statusItem';

const trans = nullTranslator.load('kachery');
const LAB = { channel_id: 'A', name: 'lab', hub: 'hub', state: 'connected', problem: '' };

describe('the section Node', () => {
  let screen: Screen;
  afterEach(() => screen.close());

  async function shown(
    change: Partial<INodeStatus> = {},
    channels: unknown[] = [{ ...LAB, archive: { size: 2e9 } }],
    sharing: Answer = { body: { enabled: false } }
  ): Promise<ScriptedNode> {
    const node = new ScriptedNode({
      'GET status': { body: nodeStatus(change) },
      'GET channels': { body: { channels } },
      'POST sharing': sharing
    });
    const model = new NodeModel(node.requests, node.events);
    model.watch();
    screen = new Screen(<NodeView model={model} trans={trans} />);
    await screen.settle();
    return node;
  }

  it('says that the node runs, and what it keeps', async () => {
    await shown();
    expect(screen.text).toContain('Running');
    expect(screen.text).toContain('4.2 MB in 3 files');
    expect(screen.text).toContain('70 GB free');
    expect(screen.find('meter').getAttribute('aria-valuetext')).toBe('2.0 GB of 10 GB');
  });

  it('shows no quota of a node that is no archive', async () => {
    await shown({ quota: null });
    expect(screen.all('meter')).toEqual([]);
  });

  it.each([
    [true, 'Open:'],
    [false, 'Closed:'],
    [null, 'Tried as soon as a channel needs it']
  ])('says whether others reach it directly: %s', async (reachable, words) => {
    await shown({ direct: { reachable, port: 1, addresses: [] } });
    expect(screen.text).toContain(words);
  });

  it('waits for a channel before it looks whether others reach it directly', async () => {
    await shown({ direct: { reachable: null, port: 1, addresses: [] } }, []);
    expect(screen.text).toContain('Used once this node is in a channel');
  });

  it('names each hub, and why one is not connected', async () => {
    const broken = { ...LAB, channel_id: 'B', name: 'club', state: 'connecting' };
    await shown({}, [LAB, { ...broken, problem: 'The hub refuses <i>us</i>.' }]);
    expect(screen.text).toContain('lab: connected');
    expect(screen.text).toContain('club: connecting…The hub refuses <i>us</i>.');
  });

  it('says that there is no hub yet', async () => {
    await shown({}, []);
    expect(screen.text).toContain('this node is in no channel yet');
  });

  it('stops sharing with a switch', async () => {
    const node = await shown();
    await screen.click(screen.find('switch', 'Share with my channels'));
    expect(node.asked.filter(({ method }) => method === 'POST')).toEqual([
      { method: 'POST', path: 'sharing', body: { enabled: false } }
    ]);
  });

  it('says why it could not be done', async () => {
    const error = { code: 'disk-full', message: 'The disk is full.', hint: 'Make room.' };
    await shown({}, [LAB], { status: 507, body: { message: error.message, error } });
    await screen.click(screen.find('switch', 'Share with my channels'));
    expect(screen.find('alert').textContent).toBe('The disk is full.Make room.');
  });
});

describe('the item in the status bar', () => {
  it('says how the node is only while that is known', async () => {
    const node = new ScriptedNode({
      'GET status': { body: nodeStatus() },
      'GET channels': { body: { channels: [LAB] } }
    });
    const model = new NodeModel(node.requests, node.events);
    const item = <StatusItem model={model} trans={trans} onClick={() => undefined} />;
    const screen = new Screen(item);
    expect([screen.text, node.asked]).toEqual(['Kachery', []]);
    const watch = model.watch();
    await screen.settle();
    expect(screen.text).toBe('Kachery: sharing');
    watch.dispose();
    await screen.settle();
    expect(screen.text).toBe('Kachery');
    screen.close();
  });
});
