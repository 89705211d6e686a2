import type { ITranslator } from '@jupyterlab/translation';
import { SidePanel } from '@jupyterlab/ui-components';
import type { AccordionPanel, Widget } from '@lumino/widgets';
import type { Memory } from '../../models/memory';
import type { ISection, Sections } from '../../models/sections';
import { kacheryIcon } from '../parts/icon';

/** Identifies the panel in JupyterLab's layout. */
export const SIDEBAR = 'kachery-sidebar';

const HEIGHTS = 'heights';

interface ISidebarOptions {
  title: string;
  sections: Sections<Widget>;
  memory: Memory;
  translator: ITranslator;
}

/** The panel at the left: a heading for every section, open or folded as it was left. */
export class Sidebar extends SidePanel {
  constructor({ title, sections, memory, translator }: ISidebarOptions) {
    super({ translator });
    this._sections = sections;
    this._memory = memory;
    this.id = SIDEBAR;
    this.addClass('kachery-Sidebar');
    this.title.icon = kacheryIcon;
    this.title.caption = title;
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', title);
    sections.changed.connect(this._arrange, this);
    this._accordion.expansionToggled.connect((_, index) => this._remember(index));
    this._accordion.handleMoved.connect(this._rememberHeights, this);
    this._arrange();
    void memory.ready.then(() => this._arrange());
  }

  /** Unfold a section. */
  async open(id: string): Promise<void> {
    await this._memory.ready;
    const section = this._sections.all.find(each => each.id === id);
    if (section) {
      this._fold(section, false);
    }
  }

  private get _accordion(): AccordionPanel {
    return this.content as AccordionPanel;
  }

  /** Have the sections stand in their order, as they were left or as they are at first. */
  private _arrange(): void {
    this._arranging = true;
    const { all } = this._sections;
    for (const widget of this.widgets.filter(each => !all.some(one => one.widget === each))) {
      widget.parent = null;
    }
    all.forEach((section, index) => {
      if (this.widgets[index] !== section.widget) {
        section.widget.title.label = section.title;
        this.insertWidget(index, section.widget);
      }
      this._fold(section, !this._memory.get(`open.${section.id}`, section.open ?? false));
    });
    const heights = this._memory.get<Record<string, number>>(HEIGHTS, {});
    this._accordion.setRelativeSizes(
      all.map(({ id, widget, share }) => (widget.isHidden ? 0 : (heights[id] ?? share ?? 1)))
    );
    this._arranging = false;
  }

  private _fold(section: ISection<Widget>, folded: boolean): void {
    const index = this.widgets.indexOf(section.widget);
    if (folded) {
      this._accordion.collapse(index);
    } else {
      this._accordion.expand(index);
    }
  }

  private _remember(index: number): void {
    const widget = this.widgets[index];
    const section = this._sections.all.find(each => each.widget === widget);
    if (section && !this._arranging) {
      this._memory.set(`open.${section.id}`, !widget.isHidden);
      this._rememberHeights();
    }
  }

  private _rememberHeights(): void {
    const sizes = this._accordion.relativeSizes();
    const kept = this._memory.get<Record<string, number>>(HEIGHTS, {});
    const open = this._sections.all
      .map(({ id, widget }, index) => [id, widget.isHidden ? 0 : sizes[index]] as const)
      .filter(([, size]) => size > 0);
    this._memory.set(HEIGHTS, { ...kept, ...Object.fromEntries(open) });
  }

  private _arranging = false;
  private readonly _memory: Memory;
  private readonly _sections: Sections<Widget>;
}
