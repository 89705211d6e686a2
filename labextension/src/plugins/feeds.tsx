import { ILayoutRestorer } from '@jupyterlab/application';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import {
  CommandToolbarButton,
  Toolbar,
  addIcon,
  launchIcon,
  linkIcon
} from '@jupyterlab/ui-components';
import { FeedsModel } from '../models/feeds';
import type { Memory } from '../models/memory';
import { TailPane, tailTitle, type IShownSubfeed } from '../models/tailPane';
import { Feeds } from '../views/feeds/feeds';
import { Pane } from '../views/feeds/tailView';
import { kacheryIcon } from '../views/parts/icon';
import { Section } from '../views/parts/section';
import { FeedActions } from './feedActions';
import { addMenuCommands, pointedSubfeed } from './feedMenu';
import { CATEGORY, CommandIDs, IKachery } from './token';

/** Commands about feeds. */
export const FeedCommands = {
  create: 'kachery:create-feed',
  follow: 'kachery:follow-feed',
  /** `{feed, uri, label}` of a subfeed; without them, the one on which a menu is open. */
  openTail: 'kachery:open-tail'
} as const;

const SHOWN = 'feeds.shown';

/** The section Feeds. */
export const feeds: JupyterFrontEndPlugin<void> = {
  id: '@kachery/jupyter:feeds',
  description: 'Section Feeds of the sidebar: logs that one node writes and many follow.',
  autoStart: true,
  requires: [IKachery],
  optional: [ICommandPalette, ILayoutRestorer, ISettingRegistry],
  activate: (
    app: JupyterFrontEnd,
    kachery: IKachery,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    registry: ISettingRegistry | null
  ): void => {
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
      openTab: subfeed => void app.commands.execute(FeedCommands.openTail, { ...subfeed })
    });
    const widget = new Section(
      'feeds',
      title,
      () => <Feeds model={model} pane={pane} memory={memory} actions={actions} trans={trans} />,
      [model, pane]
    );
    addCommands(app, kachery, actions, palette);
    addMenuCommands(app, trans, actions);
    addTabs(app, kachery, { model, actions, restorer });
    void obey(registry, model);
    remember(kachery.memory, pane);
    widget.toolbar = toolbarOf(app);
    // A list is as high as it is; a tail has more to show the higher it is.
    const fills = (): boolean => pane.shown !== null;
    sections.add({ id: 'feeds', title, rank: 400, widget, share: 1.4, fills });
  }
};

interface ITabs {
  model: FeedsModel;
  actions: FeedActions;
  restorer: ILayoutRestorer | null;
}

/** Tails in the main area: one tab for each subfeed; they are there again after a reload. */
function addTabs(app: JupyterFrontEnd, kachery: IKachery, tabs: ITabs): void {
  const { commands, shell } = app;
  const { trans } = kachery;
  const tracker = new WidgetTracker<Tab>({ namespace: 'kachery-tails' });
  commands.addCommand(FeedCommands.openTail, {
    label: trans.__('Show in a Tab'),
    icon: launchIcon,
    execute: args => {
      const subfeed = args.uri ? (args as unknown as IShownSubfeed) : pointedSubfeed(app);
      if (!subfeed) {
        return;
      }
      let tab = tracker.find(one => one.subfeed.uri === subfeed.uri);
      if (!tab) {
        tab = new Tab(subfeed, kachery, tabs);
        void tracker.add(tab);
        shell.add(tab, 'main');
      }
      shell.activateById(tab.id);
    }
  });
  void tabs.restorer?.restore(tracker, {
    command: FeedCommands.openTail,
    args: ({ subfeed }) => ({ ...subfeed }),
    name: ({ subfeed }) => subfeed.uri
  });
}

/** One of them. */
class Tab extends MainAreaWidget<Section> {
  constructor(
    readonly subfeed: IShownSubfeed,
    { trans }: IKachery,
    { model, actions }: ITabs
  ) {
    const pane = new TailPane(model);
    super({
      content: new Section(
        'tail',
        tailTitle(subfeed),
        () => <Pane pane={pane} actions={actions} trans={trans} />,
        [pane]
      )
    });
    pane.show(subfeed);
    this.id = `kachery-tail-${subfeed.uri}`;
    this.content.id = `${this.id}-content`;
    this.toolbar.hide();
    this.title.label = tailTitle(subfeed);
    this.title.caption = subfeed.uri;
    this.title.icon = kacheryIcon;
    this.title.closable = true;
    this.disposed.connect(() => pane.dispose());
  }
}

/** Keep as many messages as the settings say. */
async function obey(registry: ISettingRegistry | null, model: FeedsModel): Promise<void> {
  // Without settings, everything is as usual.
  const settings = await registry?.load(feeds.id).catch(() => null);
  const follow = (): void => {
    model.mostKept = Number(settings?.composite.messagesKept) || model.mostKept;
  };
  follow();
  settings?.changed.connect(follow);
}

/** Show what was shown before a reload. */
function remember(memory: Memory, pane: TailPane): void {
  void memory.ready.then(() => {
    const shown = memory.get<Record<string, string> | null>(SHOWN, null);
    if (shown && !pane.shown) {
      const { feed, uri, label, feedLabel } = shown;
      pane.show({ feed, uri, label, feedLabel });
    }
    pane.changed.connect(() => memory.set(SHOWN, pane.shown && { ...pane.shown }));
  });
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
  for (const command of [FeedCommands.follow, FeedCommands.create]) {
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
