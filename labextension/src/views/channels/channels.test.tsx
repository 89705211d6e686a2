import { nullTranslator } from '@jupyterlab/translation';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ChannelsModel, type IChannel, type IMember } from '../../models/channels';
import { Memory } from '../../models/memory';
import { NODE, channel, member } from '../../testing/samples';
import { Screen } from '../../testing/screen';
import { ScriptedNode, settle } from '../../testing/scripted';
import { Channels } from './channels';

const trans = nullTranslator.load('kachery');

describe('the section Channels', () => {
  let screen: Screen;
  let node: ScriptedNode;
  const actions = {
    create: vi.fn(),
    join: vi.fn(),
    copyNodeId: vi.fn(),
    invite: vi.fn(),
    revoke: vi.fn(),
    leave: vi.fn(),
    copyText: vi.fn()
  };
  afterEach(() => screen.close());

  async function shown(channels: IChannel[], members: IMember[] = []): Promise<void> {
    node = new ScriptedNode({
      'GET channels': { body: { channels } },
      'GET channels/ALAB/members': { body: { members } },
      'POST channels/ALAB/grant': { body: { members } },
      'POST channels/ALAB/roles': asked => ({
        status: 403,
        body: { error: { code: 'no', message: `No ${JSON.stringify(asked.body)}`, hint: 'Wait.' } }
      }),
      'POST channels/ALAB/archive': { body: channels[0] ?? {} }
    });
    const model = new ChannelsModel(node.requests, node.events);
    model.watch();
    screen = new Screen(
      <Channels model={model} memory={new Memory(null)} actions={actions} trans={trans} />
    );
    await screen.settle();
  }

  async function open(): Promise<void> {
    await screen.click(screen.all('button').find(each => each.dataset.channel)!);
    await screen.settle();
  }

  function boxes(label: string): Record<string, HTMLInputElement> {
    const grid = screen.node.querySelector(`table[aria-label="${label}"]`)!;
    const found = [...grid.querySelectorAll('input')];
    return Object.fromEntries(found.map(box => [box.getAttribute('aria-label')!, box]));
  }

  it('says how to get a first channel', async () => {
    await shown([]);
    await screen.click(screen.find('button', 'Join…'));
    await screen.click(screen.find('button', 'Create…'));
    await screen.click(screen.find('button', 'Copy node id'));
    expect(actions.join).toHaveBeenCalledOnce();
    expect(actions.create).toHaveBeenCalledOnce();
    expect(actions.copyNodeId).toHaveBeenCalledOnce();
  });

  it('says of each channel how it is', async () => {
    await shown([
      channel({ channel_id: 'A', present: 3 }),
      channel({ channel_id: 'B', present: 0 }),
      channel({ channel_id: 'C', state: 'connecting', problem: 'The <b>hub</b> is away.' }),
      channel({ channel_id: 'D', state: 'revoked' })
    ]);
    const sides = [...screen.node.querySelectorAll('.kachery-Entry-side')];
    expect(sides.map(side => side.textContent)).toEqual([
      '3 others here',
      'nobody else',
      'connecting…',
      'revoked'
    ]);
    expect(screen.text).toContain('The <b>hub</b> is away.');
    expect(screen.text).toContain('The owner removed this node from the channel.');
  });

  it('shows names that somebody turned around as what they are', async () => {
    await shown([channel({ name: 'lab\u202e', problem: 'No\u202e hub.' })]);
    expect(screen.text).toContain('lab\ufffd');
    expect(screen.text).not.toContain('\u202e');
  });

  it('shows who belongs to a channel, remote names as text', async () => {
    await shown([channel()], [member({ name: '<img src=x>', is_archive: true })]);
    await open();
    expect(screen.text).toContain('<img src=x>');
    expect(screen.node.querySelector('img')).toBeNull();
    expect(screen.text).toContain('archive');
    await screen.click(screen.find('button', 'Invite…'));
    expect(actions.invite).toHaveBeenCalledWith(channel());
  });

  it('grants nothing before it is saved', async () => {
    await shown([channel()], [member()]);
    await open();
    await screen.click(screen.all('button').find(each => each.textContent === 'desk')!);
    const save = screen.find('button', 'Save roles') as HTMLButtonElement;
    expect(save.disabled).toBe(true);
    await screen.click(boxes('Roles granted to desk')['Request: Feeds']);
    expect(node.asked.some(one => one.method === 'POST')).toBe(false);
    await screen.click(save);
    expect(node.asked.at(-1)?.body).toEqual({
      node_id: NODE,
      roles: ['request-files', 'provide-files', 'request-feeds'],
      is_archive: false
    });
    await screen.click(screen.find('button', 'Remove…'));
    expect(actions.revoke).toHaveBeenCalledOnce();
  });

  it('offers what is granted, and puts back what the node refuses', async () => {
    await shown([channel()]);
    await open();
    const own = boxes('What this node does on lab');
    expect(own['Provide: Tasks'].disabled).toBe(true);
    expect(own['Provide: Tasks'].title).toContain('not granted');
    expect(own['Provide: Files'].checked).toBe(false);
    await screen.click(own['Provide: Files']);
    await settle(10);
    await screen.settle();
    expect(screen.find('alert').textContent).toContain('Wait.');
    expect(boxes('What this node does on lab')['Provide: Files'].checked).toBe(false);
  });

  it('members who are not the owner see roles, and leave', async () => {
    await shown([channel({ is_owner: false })], [member()]);
    await open();
    await screen.click(screen.all('button').find(each => each.textContent === 'desk')!);
    expect(screen.text).toContain('Roles: Files');
    expect(screen.text).not.toContain('Invite…');
    await screen.click(screen.find('button', 'Leave channel…'));
    expect(actions.leave).toHaveBeenCalledOnce();
  });

  it('an archive shows what it keeps', async () => {
    const archive = {
      is_on: true,
      quota: 5e9,
      size: 1e9,
      contents: 2,
      subfeeds: 1,
      waiting: 3,
      store: ''
    };
    await shown([channel({ is_archive: true, archive })]);
    await open();
    expect(screen.find('meter').getAttribute('aria-valuetext')).toBe('1.0 GB of 5.0 GB');
    expect(screen.text).toContain('2 files · one subfeed · 3 waiting');
    await screen.click(screen.find('switch', 'Keep what passes here'));
    expect(node.asked.at(-1)?.body).toEqual({ is_on: false, quota: null });
  });

  it('of a channel that is over, only leaving is offered', async () => {
    await shown([channel({ is_owner: false, state: 'expired' })]);
    await open();
    expect(screen.text).not.toContain('Members');
    screen.find('button', 'Leave channel…');
  });
});
