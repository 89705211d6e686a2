import { describe, expect, it } from 'vitest';
import { cellsOf } from './rowDrag';

const FILE = { uri: 'sha1://abc/a.npy', name: 'a.npy', kind: 'npy' };

describe('what is dragged from the list', () => {
  it('is a code cell for notebooks, and text for editors', () => {
    const data = cellsOf(FILE, false);
    const source = 'a = kc.load_npy("sha1://abc/a.npy")';
    expect(data.getData('text/plain')).toBe(source);
    expect(data.getData('application/vnd.jupyter.cells')).toEqual([
      { cell_type: 'code', source, outputs: [], execution_count: null, metadata: {} }
    ]);
  });

  it('brings the import along where it is missing', () => {
    expect(cellsOf(FILE, true).getData('text/plain')).toMatch(/^import kachery_jupyter as kc\n/);
  });
});
