import { afterEach, describe, expect, it } from 'vitest';
import type { IStored } from '../node/fileTypes';
import { ScriptedNode, settle } from '../testing/scripted';
import { nameOf } from './transfer';
import { TransfersModel, type Upload } from './transfers';

const SHA1 = '6af826b3d648ccba6b4bbe58e93e22add640d728';
const URI = `sha1://${SHA1}/far%20away.npy`;
const PROGRESS = { done: 5, total: 10, rate: 2, providers: 1, path: 'direct' };
const models: TransfersModel[] = [];

async function shown(node: ScriptedNode, upload?: Upload): Promise<TransfersModel> {
  const model = new TransfersModel(node.requests, node.events, upload);
  models.push(model);
  model.watch();
  node.connect();
  await settle(20);
  return model;
}

const QUIET = { 'GET transfers': { body: { coming: [] } } };

describe('loading a URI', () => {
  afterEach(() => models.splice(0).forEach(model => model.dispose()));
  const node = () =>
    new ScriptedNode({
      ...QUIET,
      'POST loads': { body: { load: 'L1' } },
      'DELETE loads/L1': { body: {} }
    });

  it('tells how far it is, and that it came', async () => {
    const scripted = node();
    const transfers = await shown(scripted);
    const loading = transfers.load(URI);
    await settle(20);
    scripted.tell({ type: 'load', load: 'L1', uri: URI, progress: PROGRESS });
    expect(transfers.items).toMatchObject([
      { name: 'far away.npy', done: 5, total: 10, rate: 2, path: 'direct', state: 'going' }
    ]);
    scripted.tell({ type: 'load', load: 'L1', uri: URI, done: true });
    expect(await loading).toBe(true);
    expect(transfers.items[0].state).toBe('done');
  });

  it('hears of a load that ends before its number is known', async () => {
    const scripted = node();
    const transfers = await shown(scripted);
    const loading = transfers.load(URI);
    scripted.tell({ type: 'load', load: 'L1', uri: URI, done: true });
    expect(await loading).toBe(true);
  });

  it('shows what went wrong with its hint until it is put away', async () => {
    const scripted = node();
    const transfers = await shown(scripted);
    const loading = transfers.load(URI);
    await settle(20);
    const error = { code: 'no-provider', message: 'Nobody has it.', hint: 'Ask its owner.' };
    scripted.tell({ type: 'load', load: 'L1', uri: URI, error });
    expect(await loading).toBe(false);
    expect(transfers.items[0].error).toMatchObject({ hint: 'Ask its owner.' });
    transfers.cancel(transfers.items[0]);
    expect(transfers.items).toHaveLength(0);
  });

  it('shows a name that somebody turned around as what it is', async () => {
    const scripted = node();
    const transfers = await shown(scripted);
    void transfers.load(`sha1://${'1'.repeat(40)}/exe%E2%80%AEgnp`);
    await settle(20);
    expect(transfers.items[0].name).toBe('exe\ufffdgnp');
  });

  it('says why nobody has it', async () => {
    const scripted = node();
    const explanation = { conclusion: 'Nobody here has it.', advice: 'Join a channel.' };
    scripted.answers['GET explain'] = { body: explanation };
    const transfers = await shown(scripted);
    const loading = transfers.load(URI);
    await settle(20);
    scripted.tell({ type: 'load', load: 'L1', uri: URI, done: false });
    expect(await loading).toBe(false);
    expect(transfers.items[0].error).toMatchObject({
      message: 'Nobody here has it.',
      hint: 'Join a channel.'
    });
  });

  it('can be cancelled: the node is told', async () => {
    const scripted = node();
    const transfers = await shown(scripted);
    const loading = transfers.load(URI);
    await settle(20);
    transfers.cancel(transfers.items[0]);
    expect(await loading).toBe(false);
    await settle(20);
    expect(scripted.asked.map(({ method, path }) => `${method} ${path}`)).toContain(
      'DELETE loads/L1'
    );
  });

  it('ends when its content is here although the socket was closed meanwhile', async () => {
    const scripted = node();
    scripted.answers[`GET files/${SHA1}/info`] = { body: { held: true } };
    const transfers = await shown(scripted);
    const loading = transfers.load(URI);
    await settle(20);
    scripted.connect();
    expect(await loading).toBe(true);
  });
});

describe('sending a file', () => {
  const file = new File(['hello'], 'notes.txt');
  const stored: IStored = { uri: URI, sha1: SHA1, size: 5 };

  it('shows how much left the browser', async () => {
    let go: (() => void) | undefined;
    const upload = ((_, __, ___, options) => {
      options?.onProgress?.(3, 5);
      return new Promise(resolve => (go = () => resolve(stored as never)));
    }) as Upload;
    const transfers = await shown(new ScriptedNode(QUIET), upload);
    const sending = transfers.send(file);
    expect(transfers.items).toMatchObject([{ name: 'notes.txt', done: 3, total: 5 }]);
    go?.();
    expect(await sending).toEqual(stored);
    expect(transfers.items[0].state).toBe('done');
  });

  it('can be cancelled, which is no error', async () => {
    const upload = ((_, __, ___, options) =>
      new Promise((_resolve, reject) =>
        options?.signal?.addEventListener('abort', () =>
          reject(new DOMException('given up', 'AbortError'))
        )
      )) as Upload;
    const transfers = await shown(new ScriptedNode(QUIET), upload);
    const sending = transfers.send(file);
    transfers.cancel(transfers.items[0]);
    await expect(sending).rejects.toMatchObject({ name: 'AbortError' });
    expect(transfers.items).toHaveLength(0);
  });
});

describe('what programs of this node load', () => {
  const coming = {
    sha1: SHA1,
    name: 'big.npy',
    done: 1,
    total: 4,
    senders: { 'c/a': 'direct', 'c/b': 'hub' }
  };

  it('is listed too, and can be cancelled', async () => {
    const node = new ScriptedNode({
      'GET transfers': { body: { coming: [coming] } },
      [`DELETE transfers/${SHA1}`]: { body: {} }
    });
    const transfers = await shown(node);
    expect(transfers.items).toMatchObject([
      { what: 'node', name: 'big.npy', done: 1, providers: 2, path: 'both' }
    ]);
    transfers.cancel(transfers.items[0]);
    await settle(20);
    expect(node.asked.some(({ method }) => method === 'DELETE')).toBe(true);
    transfers.dispose();
  });
});

describe('the name of a URI', () => {
  it('is its last part', () => {
    expect(nameOf(`sha1://${SHA1}/a/b%20c.txt?manifest=1`)).toBe('b c.txt');
    expect(nameOf(`sha1dir://${SHA1}.run/x.npy`)).toBe('x.npy');
    expect(nameOf(`sha1://${SHA1}`)).toMatch(/…$/);
    expect(nameOf(`sha1://${SHA1}/100%`)).toBe('100%');
  });
});
