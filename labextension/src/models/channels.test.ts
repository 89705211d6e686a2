import { beforeEach, describe, expect, it } from 'vitest';
import { NODE, channel, member } from '../testing/samples';
import { ScriptedNode, settle } from '../testing/scripted';
import { ChannelsModel, pastedNodeId } from './channels';

describe('the channels of a node', () => {
  let node: ScriptedNode;
  let model: ChannelsModel;

  beforeEach(() => {
    node = new ScriptedNode({
      'GET channels': { body: { channels: [channel()] } },
      'GET channels/ALAB/members': { body: { members: [member()] } },
      'GET status': { body: { node_id: NODE } },
      'POST channels': { body: channel({ channel_id: 'ANEW', name: 'apes' }) },
      'POST channels/join': {
        status: 400,
        body: { error: { code: 'bad-invitation', message: 'Not for us.', hint: 'Ask again.' } }
      },
      'POST channels/ALAB/invite': { body: { invitation: 'kachery-invitation-1.x' } },
      'POST channels/ALAB/grant': { body: { members: [member({ roles: [] })] } },
      'POST channels/ALAB/revoke': { body: { members: [] } },
      'POST channels/ALAB/leave': { body: { channels: [] } },
      'POST channels/ALAB/roles': { body: channel({ enabled: ['provide-files'] }) },
      'POST channels/ALAB/archive': { body: channel() }
    });
    model = new ChannelsModel(node.requests, node.events);
  });

  async function shown(): Promise<void> {
    model.watch();
    await settle();
  }

  function asked(path: string): unknown {
    return node.asked.find(one => `${one.method} ${one.path}` === path)?.body;
  }

  it('are asked for when somebody looks, members when a channel is opened', async () => {
    await model.open('ALAB', true);
    expect(node.asked).toEqual([]);
    await model.open('ALAB', false);
    await shown();
    expect(model.channels).toEqual([channel()]);
    expect(node.asked.map(one => one.path)).toEqual(['channels']);
    await model.open('ALAB', true);
    expect(model.members('ALAB').members).toEqual([member()]);
  });

  it('members of what was open before are there at first sight', async () => {
    await model.open('ALAB', true);
    await shown();
    expect(model.members('ALAB').members).toHaveLength(1);
  });

  it('a channel that is gone is not asked about any more', async () => {
    await shown();
    await model.open('ALAB', true);
    node.answers['GET channels'] = { body: { channels: [] } };
    await model.refresh();
    expect(model.channels).toEqual([]);
    expect(model.isOpen('ALAB')).toBe(false);
  });

  it('members that cannot be asked for do not hide the channels', async () => {
    await shown();
    node.answers['GET channels/ALAB/members'] = {
      status: 503,
      body: { error: { code: 'unavailable', message: 'Not now.', hint: 'Later.' } }
    };
    await model.open('ALAB', true);
    expect(model.state).toBe('ready');
    expect(model.members('ALAB').error?.message).toBe('Not now.');
  });

  it('a channel that was made is shown at once, at its place', async () => {
    await shown();
    await model.create('apes', 'tls://hub');
    expect(asked('POST channels')).toEqual({ name: 'apes', hub: 'tls://hub' });
    expect(model.channels.map(one => one.name)).toEqual(['apes', 'lab']);
  });

  it('what the node refuses is told with its hint', async () => {
    await shown();
    await expect(model.join('bad')).rejects.toMatchObject({
      message: 'Not for us.',
      hint: 'Ask again.'
    });
  });

  it('an invitation is handed out, and the member shown', async () => {
    await shown();
    await model.open('ALAB', true);
    const wish = { node_id: NODE, name: '', roles: [], is_archive: true };
    expect(await model.invite('ALAB', wish)).toBe('kachery-invitation-1.x');
    expect(asked('POST channels/ALAB/invite')).toEqual(wish);
  });

  it('members are granted roles and put out', async () => {
    await shown();
    await model.open('ALAB', true);
    await model.grant('ALAB', { node_id: NODE, roles: [], is_archive: false });
    expect(model.members('ALAB').members?.[0].roles).toEqual([]);
    await model.revoke('ALAB', NODE);
    expect(asked('POST channels/ALAB/revoke')).toEqual({ node_id: NODE });
    expect(model.members('ALAB').members).toEqual([]);
  });

  it('of what is granted, the node uses what is chosen', async () => {
    await shown();
    await model.enable(channel(), ['provide-files', 'provide-tasks']);
    expect(asked('POST channels/ALAB/roles')).toEqual({
      enable: ['provide-files'],
      disable: ['request-files', 'request-feeds']
    });
    expect(model.channels[0].enabled).toEqual(['provide-files']);
  });

  it('an owner who leaves gives the channel up for everybody', async () => {
    await shown();
    await model.leave(channel());
    expect(asked('POST channels/ALAB/leave')).toEqual({ abandon: true });
    expect(model.channels).toEqual([]);
  });

  it('archives are told what they may keep', async () => {
    await shown();
    await model.archive('ALAB', true, 5e9);
    expect(asked('POST channels/ALAB/archive')).toEqual({ is_on: true, quota: 5e9 });
  });

  it('knows the id of this node', async () => {
    expect(await model.nodeId()).toBe(NODE);
  });
});

it('a pasted node id is found among blanks and capitals', () => {
  expect(pastedNodeId(` ${NODE.toUpperCase()}\n`)).toBe(NODE);
  expect(pastedNodeId(NODE.slice(1))).toBeNull();
  expect(pastedNodeId('')).toBeNull();
});
