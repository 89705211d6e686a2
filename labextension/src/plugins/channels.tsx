import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import {
  CommandToolbarButton,
  Toolbar,
  addIcon,
  copyIcon,
  linkIcon
} from '@jupyterlab/ui-components';
import { ChannelsModel } from '../models/channels';
import { Channels } from '../views/channels/channels';
import { Section } from '../views/parts/section';
import { ChannelActions } from './channelActions';
import { CATEGORY, CommandIDs, IKachery } from './token';

/** Commands about channels. */
export const ChannelCommands = {
  create: 'kachery:create-channel',
  join: 'kachery:join-channel',
  copyNodeId: 'kachery:copy-node-id'
} as const;

/** The section Channels. */
export const channels: JupyterFrontEndPlugin<void> = {
  id: '@kachery/jupyter:channels',
  description: 'Section Channels of the sidebar: with whom this node shares.',
  autoStart: true,
  requires: [IKachery],
  optional: [ICommandPalette],
  activate: (app: JupyterFrontEnd, kachery: IKachery, palette: ICommandPalette | null): void => {
    const { requests, events, memory, sections, trans } = kachery;
    const title = trans.__('Channels');
    const model = new ChannelsModel(requests, events);
    const actions = new ChannelActions(model, trans, channel => {
      void app.commands.execute(CommandIDs.show, { section: 'channels' });
      void model.open(channel.channel_id, true);
    });
    const widget = new Section(
      'channels',
      title,
      () => <Channels model={model} memory={memory} actions={actions} trans={trans} />,
      [model]
    );
    addCommands(app, kachery, actions, palette);
    widget.toolbar = toolbarOf(app);
    sections.add({ id: 'channels', title, rank: 300, widget });
  }
};

function addCommands(
  { commands }: JupyterFrontEnd,
  { trans }: IKachery,
  actions: ChannelActions,
  palette: ICommandPalette | null
): void {
  commands.addCommand(ChannelCommands.join, {
    label: trans.__('Join a Channel…'),
    caption: trans.__('Join a channel: paste an invitation'),
    icon: linkIcon,
    execute: actions.join
  });
  commands.addCommand(ChannelCommands.create, {
    label: trans.__('Create a Channel…'),
    caption: trans.__('Create a channel'),
    icon: addIcon,
    execute: actions.create
  });
  commands.addCommand(ChannelCommands.copyNodeId, {
    label: trans.__("Copy this Node's Id"),
    caption: trans.__("Copy this node's id, for who invites you"),
    icon: copyIcon,
    execute: actions.copyNodeId
  });
  for (const command of Object.values(ChannelCommands)) {
    palette?.addItem({ command, category: CATEGORY });
  }
}

function toolbarOf({ commands }: JupyterFrontEnd): Toolbar {
  const toolbar = new Toolbar();
  for (const id of [ChannelCommands.copyNodeId, ChannelCommands.join, ChannelCommands.create]) {
    toolbar.addItem(id, new CommandToolbarButton({ commands, id, label: '' }));
  }
  return toolbar;
}
