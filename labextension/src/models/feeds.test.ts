import { beforeEach, describe, expect, it } from 'vitest';
import { FEED, feed } from '../testing/samples';
import { ScriptedNode, settle } from '../testing/scripted';
import { FeedsModel } from './feeds';
import { TailPane } from './tailPane';

const OTHER = 'cd'.repeat(32);
const PICKS = { subfeed: 'ef'.repeat(20), name: 'picks', length: 3 };

describe('the feeds of a node', () => {
  let node: ScriptedNode;
  let model: FeedsModel;

  beforeEach(() => {
    node = new ScriptedNode({
      'GET feeds': { body: { feeds: [feed()] } },
      [`GET feeds/${FEED}`]: { body: feed({ subfeeds: [PICKS] }) },
      [`GET feeds/${OTHER}`]: { body: feed({ feed: OTHER, name: null, is_copy: true }) },
      'POST feeds': { body: feed({ feed: OTHER, name: 'new' }) }
    });
    model = new FeedsModel(node.requests, node.events);
  });

  it('are asked for when somebody looks, subfeeds when a feed is opened', async () => {
    await model.open(FEED, true);
    expect(node.asked).toEqual([]);
    model.watch();
    await settle();
    expect(model.feeds).toEqual([feed()]);
    expect(model.subfeeds(FEED).subfeeds).toEqual([PICKS]);
    await model.open(FEED, false);
    expect(model.subfeeds(FEED).subfeeds).toBeNull();
  });

  it('a burst of changes is a few requests', async () => {
    model.watch();
    await settle();
    node.connect();
    const before = node.asked.length;
    for (let at = 0; at < 20; at += 1) {
      node.tell({ type: 'changed', nouns: ['feeds'] });
      await settle(10);
    }
    await settle(400);
    expect(node.asked.length - before).toBeLessThan(5);
  });

  it('one that is gone is not asked about any more', async () => {
    model.watch();
    await settle();
    await model.open(FEED, true);
    node.answers['GET feeds'] = { body: { feeds: [] } };
    await model.refresh();
    expect(model.isOpen(FEED)).toBe(false);
  });

  it('what cannot be asked of one feed is shown there', async () => {
    model.watch();
    await settle();
    node.answers[`GET feeds/${FEED}`] = {
      status: 409,
      body: { error: { code: 'feed-forked', message: 'Two histories.' } }
    };
    await model.open(FEED, true);
    expect(model.state).toBe('ready');
    expect(model.subfeeds(FEED).error?.message).toBe('Two histories.');
  });

  it('one that was made or found comes first', async () => {
    model.watch();
    await settle();
    await model.create('');
    expect(node.asked.at(-1)?.body).toEqual({ name: null });
    expect(model.feeds.map(one => one.name)).toEqual(['new', 'night-7']);
    const found = await model.follow(OTHER);
    expect(found.is_copy).toBe(true);
    expect(model.isOpen(OTHER)).toBe(true);
    expect(model.feeds).toHaveLength(2);
  });
});

describe('a pane', () => {
  const PICKED = { feed: FEED, uri: `feed://${FEED}/picks`, label: 'picks' };
  const OTHERS = { feed: FEED, uri: `feed://${FEED}/other`, label: 'other' };

  it('follows what it shows while somebody looks, and nothing else', () => {
    const node = new ScriptedNode({});
    const model = new FeedsModel(node.requests, node.events);
    const page = node.events.hold();
    node.connect();
    const pane = new TailPane(model);
    pane.show(PICKED);
    expect(node.heard).toEqual([]);
    const watch = pane.watch();
    pane.show(OTHERS);
    watch.dispose();
    expect(node.heard).toEqual([
      { tail: PICKED.uri, from: -500 },
      { untail: PICKED.uri },
      { tail: OTHERS.uri, from: -500 },
      { untail: OTHERS.uri }
    ]);
    page.dispose();
  });

  it('two that show the same share one tail', () => {
    const node = new ScriptedNode({});
    const model = new FeedsModel(node.requests, node.events);
    const [one, other] = [new TailPane(model), new TailPane(model)];
    one.show(PICKED);
    other.show(PICKED);
    expect(one.tail).toBe(other.tail);
    one.dispose();
    expect(other.tail?.isDisposed).toBe(false);
    const { tail } = other;
    other.show(null);
    expect(tail?.isDisposed).toBe(true);
  });
});
