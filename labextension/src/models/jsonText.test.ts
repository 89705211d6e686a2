import { describe, expect, it } from 'vitest';
import { pretty, summary } from './jsonText';

describe('a message on one line', () => {
  it('reads like what it holds', () => {
    expect(summary({ station: 'A04', t: 17.25, at: { x: 1 }, tags: ['a', 2], no: null })).toBe(
      'station: "A04", t: 17.25, at: {x: 1}, tags: ["a", 2], no: null'
    );
    expect(summary('two\n lines')).toBe('two lines');
    expect(summary(3)).toBe('3');
    expect(summary([1, [2]])).toBe('[1, [2]]');
    expect(summary({})).toBe('');
  });

  it('is short, however large the message is', () => {
    const wide = Object.fromEntries([...Array(100_000).keys()].map(at => [`k${at}`, at]));
    expect(summary(wide).length).toBeLessThan(260);
    expect(summary({ text: 'x'.repeat(1e6) }).length).toBeLessThan(260);
    expect(summary({ ['k'.repeat(1e6)]: 1 }).length).toBeLessThan(100);
    expect(summary('y'.repeat(1e6)).length).toBeLessThan(260);
  });
});

describe('a whole message', () => {
  it('is indented JSON', () => {
    expect(pretty({ a: 1 })).toEqual({ text: '{\n  "a": 1\n}', isCut: false });
  });

  it('ends somewhere', () => {
    const { text, isCut } = pretty(Array(100_000).fill(1), 1000);
    expect(text).toHaveLength(1001);
    expect(isCut).toBe(true);
  });
});
