import { Panel, Widget } from '@lumino/widgets';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Section } from './section';

describe('a section', () => {
  let watchers = 0;
  let panel: Panel;
  let section: Section;
  const model = {
    watch: () => {
      watchers += 1;
      return { isDisposed: false, dispose: () => void (watchers -= 1) };
    }
  };
  beforeEach(() => {
    // Lumino's messages render by themselves here, as in JupyterLab.
    Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: false });
    watchers = 0;
    panel = new Panel();
    section = new Section('node', 'Node', () => <p>content</p>, [model]);
  });
  afterEach(() => panel.dispose());

  it('watches its models while it can be seen', () => {
    panel.addWidget(section);
    expect(watchers).toBe(0);
    Widget.attach(panel, document.body);
    expect(watchers).toBe(1);
    Widget.detach(panel);
    expect(watchers).toBe(0);
  });

  it('leaves them alone while it is folded', () => {
    panel.addWidget(section);
    section.hide();
    Widget.attach(panel, document.body);
    expect(watchers).toBe(0);
    section.show();
    expect(watchers).toBe(1);
    section.hide();
    expect(watchers).toBe(0);
  });

  it('leaves them alone while the sidebar is closed', () => {
    panel.addWidget(section);
    Widget.attach(panel, document.body);
    panel.hide();
    expect(watchers).toBe(0);
    panel.show();
    expect(watchers).toBe(1);
  });
});
