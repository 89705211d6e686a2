import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget } from '@jupyterlab/apputils';
import { CommandToolbarButton, Toolbar, addIcon, linkIcon } from '@jupyterlab/ui-components';
import { FeedsModel } from '../models/feeds';
import { TailPane, type IShownSubfeed } from '../models/tailPane';
import { Feeds } from '../views/feeds/feeds';
import { TailView } from '../views/feeds/tailView';
import { kacheryIcon } from '../views/parts/icon';
import { Section } from '../views/parts/section';
import { FeedActions } from './feedActions';
import { CATEGORY, CommandIDs, IKachery } from './token';

/** Commands about feeds. */
export const FeedCommands = {
  create: 'kachery:create-feed',
  follow: 'kachery:follow-feed'
} as const;

/** The section Feeds. */
export const feeds: JupyterFrontEndPlugin<void> = {
  id: '@kachery/jupyter:feeds',
  description: 'Section Feeds of the sidebar: logs that one node writes and many follow.',
  autoStart: true,
  requires: [IKachery],
  optional: [ICommandPalette],
  activate: (app: JupyterFrontEnd, kachery: IKachery, palette: ICommandPalette | null): void => {
    const { requests, events, memory, sections, trans } = kachery;
    const title = trans.__('Feeds');
    const model = new FeedsModel(requests, events);
    const pane = new TailPane(model);
    const actions = new FeedActions(app, model, trans, kachery.preferences, {
      reveal: (feed, subfeed) => {
        void app.commands.execute(CommandIDs.show, { section: 'feeds' });
        void model.open(feed.feed, true);
        pane.show(subfeed);
      },
      openTab: subfeed => openTab(app, kachery, model, actions, subfeed)
    });
    const widget = new Section(
      'feeds',
      title,
      () => <Feeds model={model} pane={pane} memory={memory} actions={actions} trans={trans} />,
      [model, pane]
    );
    addCommands(app, kachery, actions, palette);
    widget.toolbar = toolbarOf(app);
    sections.add({ id: 'feeds', title, rank: 400, widget });
  }
};

/** The tail of a subfeed in the main area; a second time, the same tab. */
function openTab(
  { shell }: JupyterFrontEnd,
  { trans }: IKachery,
  model: FeedsModel,
  actions: FeedActions,
  subfeed: IShownSubfeed
): void {
  const id = `kachery-tail-${subfeed.uri}`;
  const there = [...shell.widgets('main')].some(widget => widget.id === id);
  if (!there) {
    const pane = new TailPane(model);
    pane.show(subfeed);
    const { tail } = pane;
    if (!tail) {
      return;
    }
    const content = new Section(
      'tail',
      subfeed.label,
      () => <TailView subfeed={subfeed} tail={tail} actions={actions} trans={trans} />,
      [pane]
    );
    content.id = `${id}-content`;
    const tab = new MainAreaWidget({ content });
    tab.toolbar.hide();
    tab.id = id;
    tab.title.label = subfeed.label;
    tab.title.caption = subfeed.uri;
    tab.title.icon = kacheryIcon;
    tab.title.closable = true;
    tab.disposed.connect(() => pane.dispose());
    shell.add(tab, 'main');
  }
  shell.activateById(id);
}

function addCommands(
  { commands }: JupyterFrontEnd,
  { trans }: IKachery,
  actions: FeedActions,
  palette: ICommandPalette | null
): void {
  commands.addCommand(FeedCommands.follow, {
    label: trans.__('Follow a Feed…'),
    caption: trans.__('Follow a feed: paste its URI'),
    icon: linkIcon,
    execute: actions.follow
  });
  commands.addCommand(FeedCommands.create, {
    label: trans.__('Create a Feed…'),
    caption: trans.__('Create a feed'),
    icon: addIcon,
    execute: actions.create
  });
  for (const command of Object.values(FeedCommands)) {
    palette?.addItem({ command, category: CATEGORY });
  }
}

function toolbarOf({ commands }: JupyterFrontEnd): Toolbar {
  const toolbar = new Toolbar();
  for (const id of [FeedCommands.follow, FeedCommands.create]) {
    toolbar.addItem(id, new CommandToolbarButton({ commands, id, label: '' }));
  }
  return toolbar;
}
