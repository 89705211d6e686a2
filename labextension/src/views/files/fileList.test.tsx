import { nullTranslator } from '@jupyterlab/translation';
import { act } from 'react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FilesModel } from '../../models/files';
import { FilesPanel } from '../../models/filesPanel';
import { Memory } from '../../models/memory';
import { PreviewModel } from '../../models/preview';
import { TransfersModel } from '../../models/transfers';
import type { IFile } from '../../node/fileTypes';
import { Screen } from '../../testing/screen';
import { ScriptedNode } from '../../testing/scripted';
import type { IFilesContext } from './actions';
import { FilesView } from './filesView';

const trans = nullTranslator.load('kachery');
const HOSTILE = '<img src=x onerror="window.robbed=1">.txt';

function file(number: number, change: Partial<IFile> = {}): IFile {
  const sha1 = String(number).padStart(40, '0');
  return {
    sha1,
    name: `file ${number}.npy`,
    kind: 'npy',
    size: 2048,
    uri: `sha1://${sha1}/file`,
    stored_at: Date.now() / 1000 - 300,
    used_at: 0,
    origin: { notebook: 'work/spikes.ipynb' },
    fetched: false,
    pinned: false,
    ...change
  };
}

describe('the section Files', () => {
  let screen: Screen;
  let context: IFilesContext;
  let node: ScriptedNode;
  let stored: IFile[];

  async function open(): Promise<void> {
    node = new ScriptedNode({
      'GET files': () => ({ body: { files: stored, total: stored.length, found: stored.length } }),
      'GET transfers': { body: { coming: [] } },
      [`GET previews/${file(1).sha1}`]: { body: { type: 'text', text: '<b>bold</b>', cut: true } }
    });
    const { requests, events } = node;
    const files = new FilesModel(requests, events);
    const transfers = new TransfersModel(requests, events);
    const preview = new PreviewModel(requests);
    const actions = {
      insertCode: vi.fn(),
      needsImport: () => true,
      copyUri: vi.fn(),
      canOpen: () => false,
      open: vi.fn(),
      download: vi.fn(),
      pin: vi.fn(),
      remove: vi.fn(),
      store: vi.fn(),
      storePaths: vi.fn(),
      load: vi.fn().mockResolvedValue(true)
    };
    const panel = new FilesPanel(new Memory(null), files, preview);
    context = { files, transfers, preview, panel, actions, requests, trans };
    screen = new Screen(<FilesView context={context} />);
    await doing(() => {
      files.watch();
      transfers.watch();
    });
  }

  beforeEach(() => {
    stored = [file(1), file(2, { name: HOSTILE, kind: 'text', pinned: true })];
  });
  afterEach(() => {
    context.files.dispose();
    context.transfers.dispose();
    screen.close();
  });

  it('is a grid of name, kind, size, when and where from', async () => {
    await open();
    const [header, first] = screen.all('row');
    expect(header.textContent).toBe('NameKindSizeStoredFrom');
    expect(first.textContent).toContain('file 1.npy');
    expect(first.textContent).toContain('2.0 kB');
    expect(first.textContent).toContain('spikes.ipynb');
    await doing(() => first.dispatchEvent(new MouseEvent('pointerover', { bubbles: true })));
    expect(first.title).toContain('work/spikes.ipynb');
    expect(screen.find('button', 'Copy URI')).toBeDefined();
    expect(screen.text).toContain('2 files');
  });

  it('shows names as text, whatever is in them', async () => {
    await open();
    expect(screen.all('row')[2].textContent).toContain(HOSTILE);
    expect(screen.node.querySelector('img')).toBeNull();
  });

  it('says what could be here when nothing is', async () => {
    stored = [];
    await open();
    expect(screen.text).toContain('Nothing is stored here yet.');
    expect(screen.text).toContain('kc.store_npy(array)');
  });

  it('says what is wrong, and what to do next', async () => {
    await open();
    const error = { code: 'daemon-not-running', message: 'No node answers.', hint: 'Start it.' };
    node.answers['GET files'] = { status: 503, body: { error } };
    await doing(() => void context.files.refresh());
    expect(screen.find('alert').textContent).toContain('Start it.');
    expect(screen.all('row')).toHaveLength(3);
  });

  it('does everything by keyboard', async () => {
    await open();
    const { actions, preview } = context;
    const list = screen.find('grid');
    screen.press(list, 'ArrowDown');
    screen.press(list, 'Enter');
    expect(actions.insertCode).toHaveBeenCalledWith(stored[0]);
    screen.press(list, 'c', { ctrlKey: true });
    expect(actions.copyUri).toHaveBeenCalled();
    screen.press(list, 'Delete');
    expect(actions.remove).toHaveBeenCalled();
    screen.press(list, ' ');
    expect(preview.isOpen).toBe(true);
    screen.press(list, 'Escape');
    expect(preview.isOpen).toBe(false);
  });

  it('previews what is double-clicked, and writes nothing anywhere', async () => {
    await open();
    const { actions, files, preview } = context;
    const row = screen.all('row')[2];
    await doing(() => row.dispatchEvent(new MouseEvent('mousedown', { bubbles: true })));
    expect(files.selected).toEqual(stored[1]);
    expect(preview.isOpen).toBe(false);
    await doing(() => row.dispatchEvent(new MouseEvent('dblclick', { bubbles: true })));
    expect(preview.subject).toEqual(stored[1]);
    await doing(() =>
      screen.all('row')[1].dispatchEvent(new MouseEvent('mousedown', { bubbles: true }))
    );
    expect(preview.subject).toEqual(stored[0]);
    expect(actions.insertCode).not.toHaveBeenCalled();
    expect(actions.open).not.toHaveBeenCalled();
  });

  it('tells no size of a folder: only the list of what is in it has one', async () => {
    stored = [file(1, { name: 'survey', kind: 'folder', size: 90 })];
    await open();
    const row = screen.all('row')[1];
    expect(row.textContent).not.toContain('90');
    await doing(() => row.dispatchEvent(new MouseEvent('pointerover', { bubbles: true })));
    expect(screen.all('row')[1].title).not.toContain('90');
  });

  it('previews what is selected, as text', async () => {
    await open();
    screen.press(screen.find('grid'), 'ArrowDown');
    screen.press(screen.find('grid'), ' ');
    await doing(() => undefined, 120);
    expect(screen.node.querySelector('pre')?.textContent).toBe('<b>bold</b>');
    expect(screen.text).toContain('Only the beginning is shown.');
  });

  it('stores what is dropped from the desktop', async () => {
    await open();
    const dropped = new File(['x'], 'x.txt');
    const item = { kind: 'file', getAsFile: () => dropped };
    const folder = { ...item, webkitGetAsEntry: () => ({ isDirectory: true }) };
    const event = new Event('drop', { bubbles: true, cancelable: true });
    Object.assign(event, { dataTransfer: { types: ['Files'], items: [item, folder] } });
    await doing(() => screen.find('grid').dispatchEvent(event));
    expect(context.actions.store).toHaveBeenCalledWith([dropped]);
    expect(event.defaultPrevented).toBe(true);
  });

  it('loads a pasted URI, and only what is one', async () => {
    await open();
    await doing(() => context.panel.setLoadField(true));
    const field = screen.node.querySelector<HTMLInputElement>('[aria-label="URI to load"]');
    await doing(() => type(field, 'http://elsewhere'));
    expect(screen.find('alert').textContent).toBe('A URI begins with sha1://');
    await doing(() => type(field, ` ${file(1).uri} `));
    await doing(() => field?.form?.requestSubmit());
    expect(context.actions.load).toHaveBeenCalledWith(file(1).uri);
    expect(field?.value).toBe('');
  });

  it('keeps the URI of what did not come, to be tried again', async () => {
    await open();
    const { actions, panel, transfers } = context;
    vi.mocked(actions.load).mockImplementation(uri => transfers.load(uri));
    const error = { code: 'content-not-found', message: 'Nobody has it.', hint: 'Ask Ada.' };
    node.answers['POST loads'] = { status: 404, body: { error } };
    await doing(() => panel.setLoadField(true));
    const field = screen.node.querySelector<HTMLInputElement>('[aria-label="URI to load"]');
    await doing(() => type(field, file(7).uri));
    await doing(() => field?.form?.requestSubmit());
    expect(screen.find('alert').textContent).toContain('Nobody has it.');
    expect(field?.value).toBe(file(7).uri);
    await doing(() => screen.find('button', 'Try again to load file').click());
    expect(actions.load).toHaveBeenCalledTimes(2);
    expect(actions.load).toHaveBeenLastCalledWith(file(7).uri);
    expect(transfers.items).toHaveLength(1);
  });
});

/** Do something, and show what comes of it. */
async function doing(work: () => unknown, msec = 20): Promise<void> {
  await act(async () => {
    work();
    await new Promise(resolve => setTimeout(resolve, msec));
  });
}

/** React hears of what is typed through the setter of the element's class. */
function type(field: HTMLInputElement | null, text: string): void {
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set;
  set?.call(field, text);
  field?.dispatchEvent(new Event('input', { bubbles: true }));
}
