import { describe, expect, it } from 'vitest';
import { visible } from './visible';

describe('a name of somebody else', () => {
  it('is what it is', () => {
    for (const name of ['a b.npy', 'σεισμός.csv', 'می‌خواهم.txt', '👩‍🔬.png', '<b>.txt']) {
      expect(visible(name)).toBe(name);
    }
  });

  it('cannot be written backwards, broken or hidden', () => {
    expect(visible('\u202egnp.exe')).toBe('\ufffdgnp.exe');
    expect(visible('a\u2066b\u200bc\nd\u0000')).toBe('a\ufffdb\ufffdc\ufffdd\ufffd');
  });
});
