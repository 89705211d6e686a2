import { nullTranslator } from '@jupyterlab/translation';
import { act } from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { TransfersModel } from '../../models/transfers';
import { Screen } from '../../testing/screen';
import { type Answer, ScriptedNode } from '../../testing/scripted';
import { UriChip } from './uriChip';

const SHA1 = 'a'.repeat(40);
const OUTPUT = { uri: `sha1://${SHA1}/x.npy`, name: '<b>x</b>.npy', kind: 'npy', size: 4096 };
const ABSENT = { code: 'content-not-found', message: 'Not in the store.' };

describe('a URI in an output', () => {
  let screen: Screen;
  afterEach(() => screen.close());

  function shown(answers: Record<string, Answer>) {
    const node = new ScriptedNode(answers);
    const { requests, events } = node;
    const transfers = new TransfersModel(requests, events);
    const actions = { copyUri: vi.fn(), insertCode: vi.fn(), load: vi.fn() };
    const trans = nullTranslator.load('kachery');
    screen = new Screen(<UriChip output={OUTPUT} {...{ requests, transfers, actions, trans }} />);
    return { node, actions, transfers };
  }

  async function preview(): Promise<void> {
    await screen.click(screen.find('button', 'Preview'));
    await act(() => new Promise(resolve => setTimeout(resolve, 120)));
  }

  it('says what it is, as text, and asks for nothing by itself', () => {
    const { node } = shown({});
    expect(screen.text).toBe('<b>x</b>.npynpy · 4.1 kB');
    expect(screen.node.querySelector('b')).toBeNull();
    expect(node.asked).toEqual([]);
  });

  it('is copied', async () => {
    const { actions } = shown({});
    await screen.click(screen.find('button', 'Copy URI'));
    expect(actions.copyUri).toHaveBeenCalledWith(expect.objectContaining({ uri: OUTPUT.uri }));
  });

  it('is looked into on demand', async () => {
    const answer = { body: { type: 'array', shape: [7], dtype: 'int8' } };
    shown({ [`GET previews/${SHA1}`]: answer });
    await preview();
    expect(screen.text).toContain('int8');
    expect(screen.find('button', 'Preview').getAttribute('aria-expanded')).toBe('true');
  });

  it('is fetched when it is not here', async () => {
    const { actions } = shown({
      [`GET previews/${SHA1}`]: { status: 404, body: { error: ABSENT } }
    });
    actions.load.mockResolvedValue(false);
    await preview();
    expect(screen.text).toContain('This content is not on this node.');
    await screen.click(screen.find('button', 'Load it from the channels'));
    expect(actions.load).toHaveBeenCalledWith(OUTPUT.uri);
  });
});
