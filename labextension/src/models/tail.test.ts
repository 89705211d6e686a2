import { beforeEach, describe, expect, it } from 'vitest';
import { ScriptedNode, settle } from '../testing/scripted';
import { Tail } from './tail';

const URI = 'feed://ab/picks';

describe('the tail of a subfeed', () => {
  let node: ScriptedNode;
  let tail: Tail;

  function tell(first: number, messages: unknown[]): void {
    node.tell({ type: 'messages', uri: URI, first, messages });
  }

  beforeEach(() => {
    node = new ScriptedNode({});
    tail = new Tail(node.events, URI, 5);
  });

  it('is asked for only while somebody watches', () => {
    expect(node.events.visible).toBe(false);
    const watch = tail.watch();
    node.connect();
    expect(node.heard).toEqual([{ tail: URI, from: -5 }]);
    watch.dispose();
    expect(node.events.visible).toBe(false);
  });

  it('keeps the newest messages, and no more than it may', async () => {
    tail.watch();
    node.connect();
    expect(tail.state).toBe('waiting');
    tell(0, [0, 1, 2]);
    tell(3, [3, 4, 5, 6]);
    await settle(100);
    expect(tail.state).toBe('live');
    expect(tail.length).toBe(7);
    expect(tail.messages.map(one => one.index)).toEqual([2, 3, 4, 5, 6]);
    expect(tail.arrived).toBe(4);
  });

  it('takes no message twice when it begins again', () => {
    tail.watch();
    node.connect();
    tell(10, ['a', 'b']);
    tail.pause(true);
    tail.pause(false);
    tell(10, ['a', 'b', 'c']);
    expect(tail.messages.map(one => one.message)).toEqual(['a', 'b', 'c']);
  });

  it('drops what is old when messages were missed in a long pause', () => {
    tail.watch();
    node.connect();
    tell(0, ['a']);
    tail.pause(true);
    tail.pause(false);
    tell(100, ['x', 'y']);
    expect(tail.messages).toEqual([
      { index: 100, message: 'x' },
      { index: 101, message: 'y' }
    ]);
  });

  it('hears nothing while it is paused', () => {
    tail.watch();
    const other = node.events.hold();
    node.connect();
    tail.pause(true);
    expect(tail.state).toBe('paused');
    expect(node.heard).toContainEqual({ untail: URI });
    tell(0, ['late']);
    expect(tail.messages).toEqual([]);
    other.dispose();
  });

  it('tells of the first at once, and of those that follow together', async () => {
    let changes = 0;
    tail.changed.connect(() => (changes += 1));
    tail.watch();
    node.connect();
    for (let at = 0; at < 50; at += 1) {
      tell(at, [at]);
    }
    expect(changes).toBe(1);
    await settle(100);
    expect(changes).toBe(2);
  });

  it('stops at an error, and asks again when told to', () => {
    tail.watch();
    node.connect();
    const error = { code: 'feed-forked', message: 'Two histories.', hint: 'Ask its writer.' };
    node.tell({ type: 'tail_error', uri: URI, error });
    expect(tail.state).toBe('error');
    expect(tail.error?.hint).toBe('Ask its writer.');
    tail.retry();
    expect(tail.state).toBe('waiting');
    expect(node.heard.filter(said => 'tail' in (said as object))).toHaveLength(2);
  });
});
