import { describe, expect, it } from 'vitest';
import { read } from './outputs';

const URI = `sha1://${'a'.repeat(40)}/x.npy`;

describe('an output that names a URI', () => {
  it('is read as it was written', () => {
    const written = { uri: URI, name: 'x.npy', kind: 'npy', size: 5 };
    expect(read(written)).toEqual(written);
  });

  it('of anybody is believed only where it is what it should be', () => {
    expect(read({ uri: URI, name: ['x'], kind: {}, size: -1 })).toEqual({
      uri: URI,
      name: '',
      kind: '',
      size: null
    });
    for (const hostile of [null, 'x', 5, {}, { uri: 5 }, { uri: 'javascript:alert(1)' }]) {
      expect(read(hostile)).toBeNull();
    }
    expect(read({ uri: `${URI} javascript:alert(1)` })).toBeNull();
  });
});
