import { beforeEach, describe, expect, it, vi } from 'vitest';
import { KacheryError } from '../node/errors';
import { ScriptedNode, settle } from '../testing/scripted';
import { Model } from './model';

class Counted extends Model {
  fetched = 0;
  problem: Error | null = null;
  wait: Promise<void> = Promise.resolve();
  protected async fetch(): Promise<void> {
    this.fetched += 1;
    await this.wait;
    if (this.problem) {
      throw this.problem;
    }
  }
}

describe('a model', () => {
  let node: ScriptedNode;
  let model: Counted;
  beforeEach(() => {
    node = new ScriptedNode({});
    model = new Counted(node.requests, node.events, ['files']);
  });

  it('asks for nothing until somebody looks', async () => {
    await model.refresh();
    node.tell({ type: 'changed', nouns: ['files'] });
    expect(model.fetched).toBe(0);
    expect(model.state).toBe('loading');
    model.watch();
    await settle();
    expect(model.fetched).toBe(1);
    expect(model.state).toBe('ready');
  });

  it('asks again when one of its nouns changes, and only then', async () => {
    model.watch();
    await settle();
    node.tell({ type: 'changed', nouns: ['channels'] });
    await settle();
    expect(model.fetched).toBe(1);
    node.tell({ type: 'changed', nouns: ['channels', 'files'] });
    await settle();
    expect(model.fetched).toBe(2);
  });

  it('asks one more time for many changes during a request', async () => {
    let go = (): void => undefined;
    model.wait = new Promise(resolve => (go = resolve));
    model.watch();
    for (let i = 0; i < 5; i++) {
      node.tell({ type: 'changed', nouns: ['files'] });
    }
    expect(model.fetched).toBe(1);
    go();
    await settle();
    expect(model.fetched).toBe(2);
  });

  it('asks for nothing while the page is hidden, and catches up afterwards', async () => {
    model.watch();
    await settle();
    const hidden = vi.spyOn(document, 'hidden', 'get').mockReturnValue(true);
    document.dispatchEvent(new Event('visibilitychange'));
    await model.refresh();
    expect(model.fetched).toBe(1);
    hidden.mockReturnValue(false);
    document.dispatchEvent(new Event('visibilitychange'));
    await settle();
    expect(model.fetched).toBe(2);
  });

  it('catches up when it is looked at again', async () => {
    model.watch().dispose();
    await settle();
    expect(model.active).toBe(false);
    model.watch();
    await settle();
    expect(model.fetched).toBe(2);
    expect(model.active).toBe(true);
  });

  it('keeps the error with its hint, until it works again', async () => {
    model.problem = new KacheryError('gone', 'The node is gone.', 'Start it.');
    model.watch();
    await settle();
    expect(model.state).toBe('error');
    expect(model.error?.hint).toBe('Start it.');
    model.problem = null;
    await model.refresh();
    expect([model.state, model.error]).toEqual(['ready', null]);
  });
});
