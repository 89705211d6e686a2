import { describe, expect, it } from 'vitest';
import { hasImport, loadCode } from './loadCode';

const SHA1 = '6af826b3d648ccba6b4bbe58e93e22add640d728';
const uriOf = (name: string) => `sha1://${SHA1}/${name}`;

function code(name: string, kind: string, uri = uriOf(name)): string {
  return loadCode({ uri, name, kind });
}

describe('the code that loads a content', () => {
  it('is one line with a variable called like the content', () => {
    expect(code('signal.npy', 'npy')).toBe(`signal = kc.load_npy("${uriOf('signal.npy')}")`);
  });

  it('uses the function of the kind', () => {
    expect(code('a.txt', 'text')).toContain('kc.load_text(');
    expect(code('a.json', 'json')).toContain('kc.load_json(');
    expect(code('a.pkl', 'pkl')).toContain('kc.load_pkl(');
    expect(code('a.dat', 'bytes')).toContain('kc.load_bytes(');
    expect(code('a.mp4', 'file')).toContain('kc.load_file(');
    expect(code('a.mp4', 'link')).toContain('kc.load_file(');
    expect(code('a.mp4', 'a kind of later')).toContain('kc.load_file(');
  });

  it('loads a file as what its name says', () => {
    expect(code('spikes.npy', 'file')).toContain('spikes = kc.load_npy(');
    expect(code('notes.MD', 'file')).toContain('notes = kc.load_text(');
  });

  it('lists a folder', () => {
    expect(code('run', 'folder', `sha1dir://${SHA1}.run`)).toBe(
      `run = kc.list_dir("sha1dir://${SHA1}.run")`
    );
  });

  it('makes a Python name of any name', () => {
    expect(code('my signal (v2).npy', 'npy')).toMatch(/^my_signal_v2 = /);
    expect(code('2nd.npy', 'npy')).toMatch(/^array = /);
    expect(code('class.json', 'json')).toMatch(/^value = /);
    expect(code('file.txt', 'text')).toMatch(/^text = /);
    expect(code('.bashrc', 'file')).toMatch(/^bashrc = /);
    expect(code('Größe', 'bytes')).toMatch(/^Gr_e = /);
    expect(code('', 'file')).toMatch(/^path = /);
    expect(code('日本', 'npy')).toMatch(/^array = /);
  });

  it('cannot break out of its string', () => {
    const hostile = 'sha1://x"); import os; os.system("rm\n\\';
    expect(loadCode({ uri: hostile, name: 'x', kind: 'npy' }).split('\n')).toHaveLength(1);
    expect(loadCode({ uri: hostile, name: 'x', kind: 'npy' })).toContain('\\"); import os');
  });

  it('brings the import along if asked', () => {
    const item = { uri: uriOf('a.npy'), name: 'a.npy', kind: 'npy' };
    expect(loadCode(item, { imports: true }).split('\n')[0]).toBe('import kachery_jupyter as kc');
  });
});

describe('looking for the import', () => {
  it('finds it in any cell', () => {
    expect(hasImport(['x = 1', 'import os\nimport kachery_jupyter as kc\n'])).toBe(true);
    expect(hasImport(['# import kachery_jupyter as kc', 'import kachery_jupyter'])).toBe(false);
    expect(hasImport([])).toBe(false);
  });
});
