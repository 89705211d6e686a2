import { nullTranslator } from '@jupyterlab/translation';
import { afterEach, describe, expect, it } from 'vitest';
import type { Preview } from '../../node/previewTypes';
import { Screen } from '../../testing/screen';
import { ScriptedNode } from '../../testing/scripted';
import { PreviewBody } from './previewBody';

const HOSTILE = '<script>window.robbed = 1</script>';
const SHA1 = '6af826b3d648ccba6b4bbe58e93e22add640d728';

describe('the preview', () => {
  let screen: Screen;
  afterEach(() => screen.close());

  function shown(preview: Preview): HTMLElement {
    const { requests } = new ScriptedNode({});
    const subject = { sha1: SHA1, name: 'a', kind: '' };
    const trans = nullTranslator.load('kachery');
    screen = new Screen(<PreviewBody {...{ preview, subject, requests, trans }} />);
    return screen.node;
  }

  it('of an array says its shape and type, and draws its lines', () => {
    const lines = [
      [0, 1, null, 2],
      [3, 2, 1, 0]
    ];
    const node = shown({
      type: 'array',
      shape: [2, 4000],
      dtype: 'float32',
      min: 0,
      max: 3,
      nan: 1,
      lines,
      labels: ['x', HOSTILE],
      sampled: true
    });
    expect(node.textContent).toContain('2 × 4,000');
    expect(node.textContent).toContain('float32');
    expect(node.querySelectorAll('path')).toHaveLength(2);
    expect(node.querySelector('svg')?.getAttribute('aria-label')).toBe('A plot of 2 lines');
    expect(node.querySelector('script')).toBeNull();
  });

  it('of an array of many rows is an image', () => {
    const image = { rows: 2, columns: 3, png: 'AAAA' };
    const node = shown({ type: 'array', shape: [2, 3], dtype: '<f8', image });
    expect(node.querySelector('img')?.src).toBe('data:image/png;base64,AAAA');
  });

  it('of an array without numbers says so', () => {
    expect(
      shown({ type: 'array', shape: [1], dtype: '<f8', lines: [[null]] }).textContent
    ).toContain('No numbers');
  });

  it('of JSON is a tree that unfolds', () => {
    const value = { name: HOSTILE, deep: { deeper: { deepest: [1] } }, none: null };
    const node = shown({ type: 'json', value, cut: false });
    const branches = [...node.querySelectorAll('details')];
    expect(branches.map(({ open }) => open)).toEqual([true, true, false, false]);
    expect(node.textContent).toContain(JSON.stringify(HOSTILE));
    expect(node.querySelector('script')).toBeNull();
  });

  it('of a single JSON value is that value', () => {
    expect(shown({ type: 'json', value: [], cut: false }).textContent).toBe('[]');
  });

  it('of a table has its columns, numbers at the right', () => {
    const node = shown({
      type: 'table',
      columns: ['t', HOSTILE],
      rows: [['1.5', 'one']],
      cut: true
    });
    expect([...node.querySelectorAll('th')].map(cell => cell.textContent)).toEqual(['t', HOSTILE]);
    expect(node.querySelector('.kachery-mod-number')?.textContent).toBe('1.5');
    expect(node.textContent).toContain('Only the beginning');
  });

  it('of a picture asks the server for it, which decides whether it is one', () => {
    const node = shown({ type: 'image', mimetype: 'image/png', width: 3, height: 2 });
    expect(node.querySelector('img')?.src).toContain(`downloads/${SHA1}?inline=1`);
    expect(node.textContent).toContain('3 × 2');
  });

  it('of a folder lists its files', () => {
    const entries = [{ name: 'sub/a.txt', size: 1200, uri: 'sha1://x' }];
    const node = shown({ type: 'folder', entries, cut: false });
    expect(node.textContent).toContain('sub/a.txt');
    expect(node.textContent).toContain('1.2 kB');
  });

  it('of bytes is hex, with the reason if they should be something else', () => {
    const node = shown({ type: 'bytes', hex: '48690a', problem: 'Not an array.' });
    expect(node.textContent).toContain('48 69 0a');
    expect(node.textContent).toContain('Hi·');
    expect(node.textContent).toContain('Not an array.');
  });

  it('of a form that this page does not know says so', () => {
    const later = { type: 'hologram' } as unknown as Preview;
    expect(shown(later).textContent).toBe('There is no preview of this.');
  });
});
