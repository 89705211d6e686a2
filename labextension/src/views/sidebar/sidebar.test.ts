import { nullTranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Memory } from '../../models/memory';
import { Sections } from '../../models/sections';
import { Sidebar } from './sidebar';

const sections = (): Sections<Widget> => {
  const all = new Sections<Widget>();
  const add = (id: string, rank: number, open: boolean): void => {
    all.add({ id, title: id, rank, open, widget: new Widget() });
  };
  add('files', 200, true);
  add('channels', 300, false);
  add('node', 100, true);
  return all;
};

/** Which sections are open, in the order in which they stand. */
function looks(sidebar: Sidebar): string[] {
  return sidebar.widgets.map(({ title, isHidden }) => `${title.label}${isHidden ? '' : ' open'}`);
}

describe('the sidebar', () => {
  let sidebar: Sidebar;
  afterEach(() => {
    sidebar.dispose();
    vi.useRealTimers();
  });

  function shown(kept = {}, all = sections()): { saved: unknown[] } {
    const saved: unknown[] = [];
    const memory = new Memory({
      fetch: () => Promise.resolve(kept),
      save: (_, value) => Promise.resolve(saved.push(value))
    });
    sidebar = new Sidebar({ title: 'Kachery', sections: all, memory, translator: nullTranslator });
    Widget.attach(sidebar, document.body);
    return { saved };
  }

  it('has its sections in their order, the important ones open', () => {
    shown();
    expect(looks(sidebar)).toEqual(['node open', 'files open', 'channels']);
  });

  it('is as it was left', async () => {
    shown({ 'open.node': false, 'open.channels': true });
    await sidebar.open('');
    expect(looks(sidebar)).toEqual(['node', 'files open', 'channels open']);
  });

  it('remembers what a person folds, and nothing it did itself', async () => {
    vi.useFakeTimers();
    const { saved } = shown({ 'open.node': false });
    await vi.runAllTimersAsync();
    expect(saved).toEqual([]);
    await sidebar.open('channels');
    await vi.runAllTimersAsync();
    expect(saved).toEqual([expect.objectContaining({ 'open.node': false, 'open.channels': true })]);
  });

  it('takes sections that come later, and lets them go', () => {
    const all = sections();
    shown({}, all);
    const tasks = all.add({ id: 'tasks', title: 'tasks', rank: 250, widget: new Widget() });
    expect(looks(sidebar)).toEqual(['node open', 'files open', 'tasks', 'channels']);
    tasks.dispose();
    expect(looks(sidebar)).toEqual(['node open', 'files open', 'channels']);
  });

  it('has a name for screen readers', () => {
    shown();
    expect(sidebar.node.getAttribute('aria-label')).toBe('Kachery');
  });
});
