import type { ITranslator } from '@jupyterlab/translation';
import { SidePanel } from '@jupyterlab/ui-components';
import type { AccordionLayout, AccordionPanel, Widget } from '@lumino/widgets';
import { sharedHeights } from '../../models/heights';
import type { Memory } from '../../models/memory';
import type { ISection, Sections } from '../../models/sections';
import { kacheryIcon } from '../parts/icon';
import { contentHeight, ContentHeights, leastHeight } from './contentHeights';

/** Identifies the panel in JupyterLab's layout. */
export const SIDEBAR = 'kachery-sidebar';

/** Followed by the sections that are open together. */
const HEIGHTS = 'heights.';
/** The edge between two sections. */
const EDGE = '.lm-SplitPanel-handle';

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
    this._contents.changed.connect(this._share, this);
    this._accordion.expansionToggled.connect((_, index) => this._remember(index));
    this._accordion.handleMoved.connect(this._rememberHeights, this);
    this.node.addEventListener('pointerdown', event => this._press(event), true);
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

  override dispose(): void {
    this._contents.dispose();
    super.dispose();
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
    this._contents.watch(
      this._accordion.node,
      all.map(({ widget }) => widget.node)
    );
    this._share();
    this._arranging = false;
  }

  /** Share the height among the open sections: as a person moved them, or as each needs it. */
  private _share(): void {
    const room = this._room;
    if (room <= 0 || this._isDragging) {
      return;
    }
    const open = this._open;
    const wanted = open.map(({ widget, fills, share }) => ({
      least: leastHeight(widget.node),
      content: contentHeight(widget.node),
      fills: fills?.() ?? false,
      share: share ?? 1
    }));
    const kept = this._memory.get<number[]>(this._heightsKey, []);
    const heights = kept.length === open.length ? kept : sharedHeights(room, wanted);
    const all = this.widgets.map(widget => heights[open.findIndex(one => one.widget === widget)]);
    // What a section needs at least may have changed as well.
    this._accordion.fit();
    this._accordion.setRelativeSizes(all.map(height => height ?? 0));
  }

  /** The height that the headings leave, in px. */
  private get _room(): number {
    const { node, spacing, widgets } = this._accordion;
    const { titleSpace } = this._accordion.layout as AccordionLayout;
    const edges = spacing * Math.max(0, this._open.length - 1);
    return node.clientHeight - titleSpace * widgets.length - edges;
  }

  private get _open(): ISection<Widget>[] {
    return this._sections.all.filter(({ widget }) => !widget.isHidden);
  }

  private get _heightsKey(): string {
    return HEIGHTS + this._open.map(({ id }) => id).join();
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
      this._share();
    }
  }

  /** Who drags an edge has the say until they let it go. */
  private _press({ button, target }: PointerEvent): void {
    this._isDragging = button === 0 && target instanceof Element && target.closest(EDGE) !== null;
  }

  private _rememberHeights(): void {
    this._isDragging = false;
    const sizes = this._accordion.relativeSizes();
    const open = this._open.map(({ widget }) => sizes[this.widgets.indexOf(widget)]);
    this._memory.set(this._heightsKey, open);
  }

  private _arranging = false;
  private readonly _contents = new ContentHeights();
  private _isDragging = false;
  private readonly _memory: Memory;
  private readonly _sections: Sections<Widget>;
}
