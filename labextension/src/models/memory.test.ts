import { afterEach, describe, expect, it, vi } from 'vitest';
import { type IKeeper, Memory } from './memory';

function keeper(kept?: Record<string, string>): IKeeper & { saved: unknown[] } {
  const saved: unknown[] = [];
  return {
    saved,
    fetch: () => Promise.resolve(kept),
    save: (_, value) => Promise.resolve(saved.push(value))
  };
}

describe('the memory', () => {
  afterEach(() => vi.useRealTimers());

  it('knows what was kept', async () => {
    const memory = new Memory(keeper({ filter: 'npy' }));
    await memory.ready;
    expect(memory.get('filter', '')).toBe('npy');
    expect(memory.get('other', 'nothing')).toBe('nothing');
  });

  it('prefers what was done meanwhile to what was kept', async () => {
    const memory = new Memory(keeper({ filter: 'npy' }));
    memory.set('filter', 'json');
    await memory.ready;
    expect(memory.get('filter', '')).toBe('json');
  });

  it('saves once for many changes', async () => {
    vi.useFakeTimers();
    const place = keeper();
    const memory = new Memory(place);
    await memory.ready;
    'npy'.split('').forEach((_, end) => memory.set('filter', 'npy'.slice(0, end + 1)));
    await vi.runAllTimersAsync();
    expect(place.saved).toEqual([{ filter: 'npy' }]);
  });

  it('never forgets what was kept because something was set early', async () => {
    vi.useFakeTimers();
    let give: (kept: Record<string, string>) => void = () => undefined;
    const place = {
      ...keeper(),
      fetch: () => new Promise<Record<string, string>>(resolve => (give = resolve))
    };
    const memory = new Memory(place);
    memory.set('filter', 'npy');
    await vi.advanceTimersByTimeAsync(1000);
    expect(place.saved).toEqual([]);
    give({ selected: 'ab' });
    await vi.advanceTimersByTimeAsync(1000);
    expect(place.saved).toEqual([{ filter: 'npy', selected: 'ab' }]);
  });

  it('lives without a place to keep things, and with one that fails', async () => {
    const broken = {
      fetch: () => Promise.reject(new Error('broken')),
      save: () => Promise.reject(new Error('broken'))
    };
    for (const memory of [new Memory(null), new Memory(broken)]) {
      await memory.ready;
      memory.set('filter', 'npy');
      expect(memory.get('filter', '')).toBe('npy');
    }
  });
});
