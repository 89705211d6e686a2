import type { JupyterFrontEnd } from '@jupyterlab/application';
import { describe, expect, it } from 'vitest';
import { USUAL } from '../models/preferences';
import { codeNeedsImport, insertLoadCode } from './insertion';

const ITEM = { uri: 'sha1://abc/wave.npy', name: 'wave.npy', kind: 'npy' };
const LINE = 'wave = kc.load_npy("sha1://abc/wave.npy")';
const IMPORT = 'import kachery_jupyter as kc';

/** An editor with one line, and where its cursor went. */
function editor(line: string) {
  const positions: unknown[] = [];
  return {
    positions,
    getCursorPosition: () => ({ line: 0, column: 1 }),
    getLine: () => line,
    setCursorPosition: (position: unknown) => positions.push(position),
    focus: () => undefined
  };
}

/** JupyterLab with something in front. */
function lab(enabled: string, widget: object | null) {
  const done: [string, unknown][] = [];
  const app = {
    shell: {
      currentWidget: widget && { id: 'front', ...widget },
      activateById: (id: string) => done.push(['activate', id])
    },
    commands: {
      hasCommand: () => true,
      isEnabled: (id: string) => id === enabled,
      execute: (id: string, args: unknown) => Promise.resolve(done.push([id, args]))
    }
  };
  return { app: app as unknown as JupyterFrontEnd, done };
}

function notebook(line: string, type = 'code', sources: string[] = []) {
  return {
    context: {
      model: { sharedModel: { cells: sources.map(text => ({ getSource: () => text })) } }
    },
    content: { activeCell: { editor: editor(line), model: { type } } }
  };
}

describe('inserting load code', () => {
  it('goes into the active cell if that is empty', async () => {
    const { app, done } = lab('notebook:replace-selection', notebook(''));
    expect(await insertLoadCode(app, ITEM, USUAL)).toBe('notebook');
    expect(done[0]).toEqual(['notebook:replace-selection', { text: `${IMPORT}\n${LINE}` }]);
    expect(done).toContainEqual(['activate', 'front']);
  });

  it('gets a line of its own after what stands there, and no second import', async () => {
    const front = notebook('x = 1', 'code', [`${IMPORT}\nx = 1`]);
    const { app, done } = lab('notebook:replace-selection', front);
    await insertLoadCode(app, ITEM, USUAL);
    expect(front.content.activeCell.editor.positions).toEqual([{ line: 0, column: 5 }]);
    expect(done[0]).toEqual(['notebook:replace-selection', { text: `\n${LINE}` }]);
  });

  it('brings no import along if that is not wanted', async () => {
    const { app, done } = lab('notebook:replace-selection', notebook(''));
    await insertLoadCode(app, ITEM, { ...USUAL, insertImport: false });
    expect(done[0]).toEqual(['notebook:replace-selection', { text: LINE }]);
  });

  it('goes into a new cell if the active one takes no code', async () => {
    const { app, done } = lab('notebook:replace-selection', notebook('', 'markdown'));
    await insertLoadCode(app, ITEM, USUAL);
    expect(done[0][0]).toBe('notebook:insert-cell-below');
  });

  it('goes to the prompt of a console', async () => {
    const prompt = { editor: editor(''), model: { sharedModel: { getSource: () => '' } } };
    const said = { model: { sharedModel: { getSource: () => IMPORT } } };
    const front = { console: { promptCell: prompt, cells: [said] } };
    const { app, done } = lab('console:replace-selection', front);
    expect(await insertLoadCode(app, ITEM, USUAL)).toBe('console');
    expect(done[0]).toEqual(['console:replace-selection', { text: LINE }]);
  });

  it('goes nowhere when nothing in front takes code', async () => {
    const { app, done } = lab('', {});
    expect(await insertLoadCode(app, ITEM, USUAL)).toBeNull();
    expect(done).toEqual([]);
    expect(codeNeedsImport(lab('', null).app, USUAL)).toBe(true);
  });
});
