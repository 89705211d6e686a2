import { nullTranslator } from '@jupyterlab/translation';
import { type AccordionPanel, Widget } from '@lumino/widgets';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Memory } from '../../models/memory';
import { Sections } from '../../models/sections';
import { Sidebar } from './sidebar';

const sections = (): Sections<Widget> => {
  const all = new Sections<Widget>();
  const add = (id: string, rank: number, open: boolean): void => {
    all.add({ id, title: id, rank, open, widget: new Widget(), fills: () => id === 'files' });
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

  it('remembers what a person folds, and no heights that nobody chose', async () => {
    vi.useFakeTimers();
    const { saved } = shown({ 'open.node': false });
    await vi.runAllTimersAsync();
    expect(saved).toEqual([]);
    await sidebar.open('channels');
    await vi.runAllTimersAsync();
    expect(saved).toEqual([{ 'open.node': false, 'open.channels': true }]);
  });

  /** What share of the height each section has, in percent, once the page is 1000 px high. */
  async function shares(): Promise<number[]> {
    const panel = sidebar.content as AccordionPanel;
    Object.defineProperty(panel.node, 'clientHeight', { value: 1000 });
    for (const { id, node } of sidebar.widgets.map((widget, at) => ({
      id: at,
      node: widget.node
    }))) {
      const content = node.appendChild(document.createElement('div'));
      Object.defineProperty(content, 'offsetHeight', { value: [200, 500, 50][id] });
    }
    await Promise.resolve();
    return panel.relativeSizes().map(size => Math.round(100 * size));
  }

  it('gives sections what they need, and the rest to the one that can use it', async () => {
    shown();
    await sidebar.open('');
    const [node, files, channels] = await shares();
    expect(channels).toBe(0);
    expect(node).toBeGreaterThan(19);
    expect(node).toBeLessThan(24);
    expect(node + files).toBe(100);
  });

  it('has the heights that a person gave to the sections that are open', async () => {
    shown({ 'heights.node,files': [0.7, 0.3], 'heights.files': [1] });
    await sidebar.open('');
    expect(await shares()).toEqual([70, 30, 0]);
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
