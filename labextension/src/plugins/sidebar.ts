import { ILayoutRestorer } from '@jupyterlab/application';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { SidePanel } from '@jupyterlab/ui-components';
import type { AccordionPanel, Widget } from '@lumino/widgets';
import type { ISection } from '../models/sections';
import { kacheryIcon } from '../views/parts/icon';
import { openWhenDraggedOver } from './springLoaded';
import { CATEGORY, CommandIDs, IKachery } from './token';

const PANEL = 'kachery-sidebar';

/** The panel on the left: a heading for every section. */
class Sidebar extends SidePanel {
  constructor(private readonly _kachery: IKachery) {
    super({ translator: _kachery.translator });
    this.id = PANEL;
    this.addClass('kachery-Sidebar');
    this.title.icon = kacheryIcon;
    this.title.caption = _kachery.trans.__('Kachery');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', _kachery.trans.__('Kachery'));
    _kachery.sections.changed.connect(this._arrange, this);
    this._arrange();
    const accordion = this.content as AccordionPanel;
    accordion.expansionToggled.connect((_, index) => this._remember(index));
    void _kachery.memory.ready.then(() => this._arrange());
  }

  /** Show the section, unfolded. */
  open(id: string): void {
    const section = this._kachery.sections.all.find(each => each.id === id);
    if (section) {
      this._fold(section, false);
      this._kachery.memory.set(`open.${id}`, true);
    }
  }

  private _arrange(): void {
    const { sections, memory } = this._kachery;
    for (const widget of this.widgets.filter(w => !sections.all.some(s => s.widget === w))) {
      widget.parent = null;
    }
    sections.all.forEach((section, index) => {
      if (this.widgets[index] !== section.widget) {
        section.widget.title.label = section.title;
        this.insertWidget(index, section.widget);
      }
      this._fold(section, !memory.get(`open.${section.id}`, section.open ?? false));
    });
  }

  private _fold(section: ISection<Widget>, folded: boolean): void {
    const accordion = this.content as AccordionPanel;
    const index = this.widgets.indexOf(section.widget);
    if (folded) {
      accordion.collapse(index);
    } else {
      accordion.expand(index);
    }
  }

  private _remember(index: number): void {
    const widget = this.widgets[index];
    const section = this._kachery.sections.all.find(each => each.widget === widget);
    if (section) {
      this._kachery.memory.set(`open.${section.id}`, !widget.isHidden);
    }
  }
}

/** The sidebar, and the commands that open it. */
export const sidebar: JupyterFrontEndPlugin<void> = {
  id: '@kachery/jupyter:sidebar',
  description: 'The kachery sidebar.',
  autoStart: true,
  requires: [IKachery],
  optional: [ILayoutRestorer, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    kachery: IKachery,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null
  ): void => {
    const { commands, shell } = app;
    const { trans } = kachery;
    const panel = new Sidebar(kachery);
    shell.add(panel, 'left', { rank: 600, type: 'Kachery' });
    restorer?.add(panel, PANEL);
    openWhenDraggedOver(PANEL, () => shell.activateById(PANEL));
    commands.addCommand(CommandIDs.show, {
      label: trans.__('Show Kachery'),
      caption: trans.__('Show what this node keeps and shares'),
      icon: kacheryIcon,
      execute: args => {
        shell.activateById(PANEL);
        panel.open((args.section as string | undefined) ?? '');
      }
    });
    palette?.addItem({ command: CommandIDs.show, category: CATEGORY });
  }
};
