import { nullTranslator } from '@jupyterlab/translation';
import { describe, expect, it } from 'vitest';
import { ago, bytes, duration, percent, rate, short } from './format';

const trans = nullTranslator.load('kachery');

describe('for people', () => {
  it.each([
    [0, '0 bytes'],
    [1, '1 byte'],
    [999, '999 bytes'],
    [1000, '1.0 kB'],
    [9_940, '9.9 kB'],
    [9_960, '10 kB'],
    [999_400, '999 kB'],
    [999_600, '1.0 MB'],
    [3_400_000_000, '3.4 GB'],
    [5e17, '500 PB']
  ])('%d bytes are %s', (size, words) => {
    expect(bytes(size)).toBe(words);
    expect(rate(size)).toBe(`${words}/s`);
  });

  it.each([
    [0, '0%'],
    [0.0001, '1%'],
    [0.5, '50%'],
    [0.9999, '99%'],
    [1, '100%']
  ])('a share of %d is %s: done is done', (share, words) => {
    expect(percent(share)).toBe(words);
  });

  it.each([
    [-1, '0 s'],
    [12.4, '12 s'],
    [61, '1 min'],
    [3 * 3600, '3 h'],
    [3 * 86400, '3 d']
  ])('%d seconds are %s', (seconds, words) => {
    expect(duration(seconds)).toBe(words);
  });

  it('a time is as long ago as it matters', () => {
    const now = 1_800_000_000;
    expect(ago(now - 3, trans, now)).toBe('just now');
    expect(ago(now - 300, trans, now)).toBe('5 min ago');
    expect(ago(now - 400 * 86400, trans, now)).toMatch(/20\d\d/);
  });

  it('a long identifier shows both of its ends', () => {
    expect(short('abc')).toBe('abc');
    expect(short('0123456789abcdef0123456789abcdef', 12)).toBe('01234567…def');
  });
});
