import { nullTranslator } from '@jupyterlab/translation';
import { act } from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FeedsModel, type IFeed, type ISubfeed } from '../../models/feeds';
import { Memory } from '../../models/memory';
import { TailPane } from '../../models/tailPane';
import { FEED, feed } from '../../testing/samples';
import { Screen } from '../../testing/screen';
import { ScriptedNode, settle } from '../../testing/scripted';
import { Feeds } from './feeds';

const trans = nullTranslator.load('kachery');
const HASH = 'ef'.repeat(20);
const PICKS = `feed://${FEED}/picks`;

describe('the section Feeds', () => {
  let screen: Screen;
  let node: ScriptedNode;
  const actions = {
    create: vi.fn(),
    follow: vi.fn(),
    copyText: vi.fn(),
    insertCode: vi.fn(),
    openTab: vi.fn()
  };
  afterEach(() => screen.close());

  async function shown(feeds: IFeed[], subfeeds: ISubfeed[] = []): Promise<void> {
    node = new ScriptedNode({
      'GET feeds': { body: { feeds } },
      [`GET feeds/${FEED}`]: { body: feed({ subfeeds }) }
    });
    const model = new FeedsModel(node.requests, node.events);
    const pane = new TailPane(model);
    model.watch();
    pane.watch();
    node.connect();
    Element.prototype.scrollIntoView = vi.fn();
    screen = new Screen(
      <Feeds model={model} pane={pane} memory={new Memory(null)} actions={actions} trans={trans} />
    );
    await screen.settle();
  }

  async function press(label: string): Promise<void> {
    await screen.click(screen.all('button').find(each => each.textContent?.startsWith(label))!);
    await screen.settle();
  }

  async function tell(first: number, messages: unknown[]): Promise<void> {
    await act(async () => {
      node.tell({ type: 'messages', uri: PICKS, first, messages });
      await settle(80);
    });
  }

  async function showTail(): Promise<void> {
    await shown([feed()], [{ subfeed: HASH, name: 'picks', length: 2 }]);
    await press('night-7');
    await press('picks');
  }

  it('says of which feed a tail is', async () => {
    await showTail();
    expect(screen.node.querySelector('h3')?.textContent).toBe('night-7/picks');
    expect(screen.node.querySelector('.kachery-Tail')?.getAttribute('aria-label')).toBe(
      'Messages of night-7 / picks'
    );
  });

  it('says how to get a first feed', async () => {
    await shown([]);
    await press('Create…');
    await press('Follow…');
    expect(actions.create).toHaveBeenCalledOnce();
    expect(actions.follow).toHaveBeenCalledOnce();
  });

  it('says which are copies, and which have ended', async () => {
    await shown([
      feed({ is_copy: true, name: null }),
      feed({ feed: 'cd'.repeat(32), retired: { reason: 'done', successor: null } })
    ]);
    const rows = [...screen.node.querySelectorAll('.kachery-Feed')].map(row => row.textContent);
    expect(rows[0]).toContain('ababababab…copy');
    expect(rows[1]).toContain('night-7retired');
  });

  it('shows subfeeds, names that are dicts readably, and copies their URIs', async () => {
    await shown(
      [feed()],
      [
        { subfeed: HASH, name: { station: 'A04', day: 3 }, length: 12_345 },
        { subfeed: HASH, name: { kachery: 'control' }, length: 1 }
      ]
    );
    await press('night-7');
    expect(screen.text).toContain('station: A04, day: 3');
    expect(screen.text).toContain('12,345');
    expect(screen.text).not.toContain('control');
    await screen.click(screen.find('button', 'Copy the URI of station: A04, day: 3'));
    expect(actions.copyText).toHaveBeenCalledWith(`feed://${FEED}/~${HASH}`);
    await screen.click(screen.find('button', 'Insert code that loads night-7'));
    expect(actions.insertCode).toHaveBeenCalledWith({
      uri: `feed://${FEED}`,
      name: 'night-7',
      kind: 'feed'
    });
  });

  it('finds feeds among many', async () => {
    const many = [...Array(150).keys()].map(at =>
      feed({ feed: at.toString(16).padStart(64, '0'), name: `run ${at}` })
    );
    await shown(many);
    expect(screen.node.querySelectorAll('.kachery-Feed')).toHaveLength(100);
    expect(screen.text).toContain('50 more');
    const search = screen.node.querySelector('input')!;
    act(() => {
      // React hears of a value that was typed, not of one that was assigned.
      const { set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!;
      set?.call(search, 'RUN 14');
      search.dispatchEvent(new Event('input', { bubbles: true }));
    });
    expect(screen.node.querySelectorAll('.kachery-Feed')).toHaveLength(11);
    // A hundred rows take seconds in jsdom when the computer has much to do.
  }, 30_000);

  it('shows the newest messages as they come, as text', async () => {
    await showTail();
    expect(screen.text).toContain('No messages yet');
    await tell(0, [{ v: 1 }, { v: 4, note: '<script>1</script>' }]);
    expect(screen.text).toContain('v: 4, note: "<script>1</script>"');
    expect(screen.node.querySelector('script')).toBeNull();
    await press('1v: 4');
    expect(screen.node.querySelector('pre')?.textContent).toBe(
      '{\n  "v": 4,\n  "note": "<script>1</script>"\n}'
    );
    await press('Newest');
    expect(screen.node.querySelector('pre')).toBeNull();
  });

  it('goes from message to message with the keyboard', async () => {
    await showTail();
    await tell(0, ['a', 'b', 'c']);
    const rows = [...screen.node.querySelectorAll<HTMLElement>('ol button')];
    expect(rows.map(row => row.tabIndex)).toEqual([-1, -1, 0]);
    act(() => rows[2].focus());
    screen.press(rows[2], 'ArrowUp');
    expect(document.activeElement).toBe(rows[1]);
    screen.press(rows[1], 'Home');
    expect(document.activeElement).toBe(rows[0]);
  });

  it('draws the fields that are chosen, and reads values off with the keyboard', async () => {
    await showTail();
    await tell(0, [
      { n: 0, v: 5 },
      { n: 1, v: 2 },
      { n: 2, v: 9 }
    ]);
    const plot = screen.find('slider', 'Values of v');
    expect(plot.getAttribute('aria-valuetext')).toBe('Message 2: 9');
    screen.press(plot, 'ArrowLeft');
    expect(plot.getAttribute('aria-valuetext')).toBe('Message 1: 2');
    screen.press(plot, 'Home');
    expect(plot.getAttribute('aria-valuetext')).toBe('Message 0: 5');
    expect(plot.querySelector('.kachery-Chart-line')?.getAttribute('d')).toBe(
      'M0.0 57.14L500.0 100.00L1000.0 0.00'
    );
    await press('n');
    expect(screen.all('slider')).toHaveLength(2);
    await press('v');
    expect(screen.all('slider').map(one => one.getAttribute('aria-label'))).toEqual([
      'Values of n'
    ]);
  });

  it('is paused, goes on, and goes back to the list', async () => {
    await showTail();
    await screen.click(screen.find('button', 'Pause'));
    expect(node.heard.at(-1)).toEqual({ untail: PICKS });
    expect(screen.text).toContain('Paused.');
    await screen.click(screen.find('button', 'Go on'));
    expect(node.heard.at(-1)).toEqual({ tail: PICKS, from: -500 });
    await screen.click(screen.find('button', 'Show in a tab'));
    expect(actions.openTab).toHaveBeenCalledOnce();
    await screen.click(screen.find('button', 'Back to the feeds'));
    await screen.settle();
    expect((document.activeElement as HTMLElement).dataset.uri).toBe(PICKS);
  });

  it('says why a feed cannot be followed, and asks again', async () => {
    await showTail();
    const error = { code: 'feed-forked', message: 'Two histories.', hint: 'Ask its writer.' };
    act(() => node.tell({ type: 'tail_error', uri: PICKS, error }));
    expect(screen.find('alert').textContent).toContain('Ask its writer.');
    await screen.click(screen.find('button', 'Try again'));
    expect(screen.all('alert')).toHaveLength(0);
  });
});
