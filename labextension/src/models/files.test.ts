import { afterEach, describe, expect, it } from 'vitest';
import type { IFile } from '../node/fileTypes';
import { type IAsked, ScriptedNode, settle } from '../testing/scripted';
import { FilesModel } from './files';

/** A catalog of any length, the newest first. */
class Catalog {
  constructor(public length: number) {}
  kind = 'npy';

  files(asked: IAsked): { body: unknown } {
    const query = new URL(`http://x/${asked.path}`).searchParams;
    const matching = query.get('search') ? 3 : this.length;
    const first = Number(query.get('offset'));
    const last = Math.min(matching, first + Number(query.get('limit')));
    const files = [];
    for (let index = first; index < last; index++) {
      files.push(this.file(index));
    }
    return { body: { files, total: this.length, found: matching } };
  }

  file(index: number): IFile {
    // Counted from the oldest: what is added later comes first.
    const number = this.length - 1 - index;
    return {
      sha1: String(number).padStart(40, '0'),
      name: `file ${number}`,
      kind: this.kind,
      size: number,
      uri: `sha1://${number}`,
      stored_at: number,
      used_at: number,
      origin: {},
      fetched: false,
      pinned: false
    };
  }
}

const models: FilesModel[] = [];

async function shown(length: number) {
  const catalog = new Catalog(length);
  const node = new ScriptedNode({
    'GET files': asked => catalog.files(asked),
    [`DELETE files/${'0'.padStart(40, '0')}`]: () => {
      catalog.length -= 1;
      return { body: {} };
    }
  });
  const files = new FilesModel(node.requests, node.events);
  models.push(files);
  files.watch();
  await settle(20);
  return { catalog, node, files };
}

describe('a catalog of 10,000 files', () => {
  afterEach(() => models.splice(0).forEach(model => model.dispose()));

  it('is shown after one request for its first rows', async () => {
    const { node, files } = await shown(10000);
    expect(node.asked.map(({ path }) => path)).toEqual(['files?limit=100&offset=0']);
    expect(files.count).toBe(10000);
    expect(files.row(0)?.name).toBe('file 9999');
    expect(files.row(5000)).toBeUndefined();
  });

  it('is fetched around what is on the screen, each page once', async () => {
    const { node, files } = await shown(10000);
    files.show(5040, 5110);
    await settle(20);
    expect(files.row(5040)?.name).toBe('file 4959');
    expect(files.row(5110)?.name).toBe('file 4889');
    files.show(5000, 5100);
    await settle(20);
    expect(node.asked).toHaveLength(3);
  });

  it('asks only for what is in sight when it changes, and keeps the rest on the screen', async () => {
    const { node, files, catalog } = await shown(10000);
    files.show(300, 330);
    await settle(20);
    catalog.length += 1;
    node.asked.length = 0;
    node.tell({ type: 'changed', nouns: ['files'] });
    expect(files.row(310)).toBeDefined();
    await settle(20);
    expect(node.asked.map(({ path }) => path)).toEqual(['files?limit=100&offset=300']);
    expect(files.count).toBe(10001);
  });

  it('is asked for nothing while nobody looks', async () => {
    const { node, files } = await shown(10);
    const other = new FilesModel(node.requests, node.events);
    node.asked.length = 0;
    other.show(0, 50);
    await other.refresh();
    expect(node.asked).toHaveLength(0);
    expect(files.count).toBe(10);
  });
});

describe('searching', () => {
  it('waits until nobody types, and asks once', async () => {
    const { node, files } = await shown(10000);
    node.asked.length = 0;
    'noise'.split('').forEach((_, end) => files.setQuery({ search: 'noise'.slice(0, end + 1) }));
    expect(files.searching).toBe(true);
    expect(files.row(0)).toBeDefined();
    await settle(300);
    expect(node.asked.map(({ path }) => path)).toEqual(['files?search=noise&limit=100&offset=0']);
    expect([files.count, files.total]).toEqual([3, 10000]);
    expect(files.searching).toBe(false);
  });

  it('finds a content by its URI, whatever that calls it', async () => {
    const { node, files } = await shown(10);
    files.setQuery({ search: ` sha1://${'a'.repeat(40)}/other.npy ` });
    await settle(300);
    expect(node.asked.pop()?.path).toContain(`search=${'a'.repeat(40)}&`);
  });

  it('filters by kind', async () => {
    const { node, files } = await shown(10);
    files.setQuery({ kind: 'npy' });
    await settle(30);
    expect(node.asked.pop()?.path).toContain('kind=npy');
  });
});

describe('the selection', () => {
  it('stays with its content when others come above it', async () => {
    const { files, node, catalog } = await shown(50);
    files.select(2);
    const { selected } = files;
    catalog.length += 1;
    node.tell({ type: 'changed', nouns: ['files'] });
    await settle(20);
    expect(files.selected?.sha1).toBe(selected?.sha1);
    expect(files.selectedIndex).toBe(3);
  });

  it('may be of a row that is not known yet', async () => {
    const { files } = await shown(10000);
    files.select(9999);
    expect(files.selected).toBeNull();
    files.show(9970, 9999);
    await settle(20);
    expect(files.selected?.name).toBe('file 0');
  });

  it('goes to the neighbour of what is deleted', async () => {
    const { files } = await shown(3);
    files.select(2);
    await files.remove(files.selected as IFile);
    expect(files.count).toBe(2);
    expect(files.selectedIndex).toBe(1);
    expect(files.selected).toEqual(files.row(1));
  });

  it('is found again by its SHA-1', async () => {
    const { files } = await shown(10);
    files.reveal('4'.padStart(40, '0'));
    expect(files.selectedIndex).toBe(5);
  });
});

describe('a catalog that cannot be asked', () => {
  it('says why, and what to do next', async () => {
    const error = { code: 'daemon-not-running', message: 'No node.', hint: 'Start it.' };
    const node = new ScriptedNode({ 'GET files': { status: 503, body: { error } } });
    const files = new FilesModel(node.requests, node.events);
    files.watch();
    await settle(20);
    expect(files.state).toBe('error');
    expect(files.error).toMatchObject({ message: 'No node.', hint: 'Start it.' });
    files.dispose();
  });
});
