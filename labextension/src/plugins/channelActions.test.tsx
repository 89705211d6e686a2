import { Clipboard, Notification } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';
import { act } from 'react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ChannelsModel } from '../models/channels';
import { NODE, channel, member } from '../testing/samples';
import { ScriptedNode } from '../testing/scripted';
import { ChannelActions } from './channelActions';

const trans = nullTranslator.load('kachery');
const INVITATION = 'kachery-invitation-1.abc';

describe('what a person does with channels', () => {
  let node: ScriptedNode;
  let actions: ChannelActions;
  const opened = vi.fn();
  const copied = vi.fn();
  const told = vi.fn();

  beforeEach(() => {
    // jsdom does no layout; the dialog asks for it when it takes the focus.
    Element.prototype.scrollIntoView ??= () => undefined;
    vi.spyOn(Clipboard, 'copyToSystem').mockImplementation(copied);
    vi.spyOn(Notification, 'success').mockImplementation(told);
    node = new ScriptedNode({
      'GET status': { body: { node_id: NODE } },
      'GET channels/ALAB/members': { body: { members: [] } },
      'POST channels': { body: channel() },
      'POST channels/join': asked =>
        (asked.body as { invitation: string }).invitation === INVITATION
          ? { body: channel({ is_owner: false }) }
          : {
              status: 400,
              body: { error: { code: 'bad', message: 'Not for us.', hint: 'Copy.' } }
            },
      'POST channels/ALAB/invite': { body: { invitation: INVITATION } },
      'POST channels/ALAB/revoke': { body: { members: [] } },
      'POST channels/ALAB/leave': { body: { channels: [] } }
    });
    actions = new ChannelActions(new ChannelsModel(node.requests, node.events), trans, opened);
  });
  afterEach(async () => {
    while (dialog()) {
      await press('Cancel');
    }
  });

  const dialog = (): string => document.querySelector('.jp-Dialog')?.textContent ?? '';
  const settle = (): Promise<void> =>
    act(() => new Promise<void>(resolve => setTimeout(resolve, 15)));

  async function begin(action: () => void): Promise<void> {
    act(action);
    await settle();
  }

  async function press(label: string): Promise<void> {
    const buttons = [...document.querySelectorAll<HTMLElement>('.jp-Dialog button')];
    act(() => buttons.find(each => each.textContent === label)?.click());
    await settle();
  }

  async function fill(at: number, text: string): Promise<void> {
    const field = document.querySelectorAll<HTMLInputElement>('.kachery-Field-input')[at];
    const kind = Object.getPrototypeOf(field) as object;
    act(() => {
      Object.getOwnPropertyDescriptor(kind, 'value')?.set?.call(field, text);
      field.dispatchEvent(new Event('input', { bubbles: true }));
    });
    await settle();
  }

  const posted = (): unknown[] =>
    node.asked.filter(one => one.method === 'POST').map(one => [one.path, one.body]);

  it('making a channel needs a name and a hub', async () => {
    await begin(actions.create);
    await press('Create');
    expect(dialog()).toContain('Give the channel a name.');
    await fill(0, ' lab ');
    await press('Create');
    expect(dialog()).toContain('Say at which hub');
    await fill(1, 'tls://hub');
    await press('Create');
    expect(posted()).toEqual([['channels', { name: 'lab', hub: 'tls://hub' }]]);
    expect(dialog()).toBe('');
    expect(opened).toHaveBeenCalledWith(channel());
  });

  it('joining shows the id of this node, and why an invitation does not work', async () => {
    await begin(actions.join);
    expect(dialog()).toContain(NODE);
    await fill(0, 'damaged');
    await press('Join');
    expect(dialog()).toContain('Not for us.');
    expect(dialog()).toContain('Copy.');
    await fill(0, `\n${INVITATION} `);
    await press('Join');
    expect(opened).toHaveBeenCalledOnce();
  });

  it('an invitation is shown once, to be copied', async () => {
    await begin(() => actions.invite(channel()));
    await fill(0, 'no id');
    await press('Invite');
    expect(dialog()).toContain('A node id has 64 digits');
    await fill(0, ` ${NODE.toUpperCase()} `);
    await fill(1, 'desk');
    await press('Invite');
    expect(posted()).toEqual([
      [
        'channels/ALAB/invite',
        {
          node_id: NODE,
          name: 'desk',
          roles: ['request-files', 'provide-files', 'request-feeds', 'provide-feeds'],
          is_archive: false
        }
      ]
    ]);
    expect(document.querySelector<HTMLTextAreaElement>('.jp-Dialog textarea')?.value).toBe(
      INVITATION
    );
    await press('Copy and close');
    expect(copied).toHaveBeenCalledWith(INVITATION);
  });

  it('nobody is put out, and nothing is left, without a second question', async () => {
    await begin(() => actions.revoke(channel(), member()));
    expect(dialog()).toContain('Remove “desk” from “lab”?');
    await press('Cancel');
    await begin(() => actions.leave(channel()));
    expect(dialog()).toContain('cannot be undone');
    await press('Cancel');
    await begin(() => actions.leave(channel({ is_owner: false })));
    expect(dialog()).toContain('you need a new invitation');
    await press('Cancel');
    expect(posted()).toEqual([]);
    await begin(() => actions.revoke(channel(), member()));
    await press('Remove');
    await begin(() => actions.leave(channel()));
    await press('Abandon for everybody');
    expect(posted()).toEqual([
      ['channels/ALAB/revoke', { node_id: NODE }],
      ['channels/ALAB/leave', { abandon: true }]
    ]);
  });

  it('the id of this node is copied', async () => {
    await begin(actions.copyNodeId);
    expect(copied).toHaveBeenCalledWith(NODE);
  });
});
