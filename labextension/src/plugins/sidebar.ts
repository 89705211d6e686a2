import { ILayoutRestorer } from '@jupyterlab/application';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { refreshIcon } from '@jupyterlab/ui-components';
import { kacheryIcon } from '../views/parts/icon';
import { Sidebar, SIDEBAR } from '../views/sidebar/sidebar';
import { openWhenDraggedOver } from './springLoaded';
import { CATEGORY, CommandIDs, IKachery } from './token';

/** The sidebar, and the commands that open it. */
export const sidebar: JupyterFrontEndPlugin<void> = {
  id: '@kachery/jupyter:sidebar',
  description: 'The kachery sidebar.',
  autoStart: true,
  requires: [IKachery],
  optional: [ILayoutRestorer, ICommandPalette],
  activate: (
    { commands, shell }: JupyterFrontEnd,
    { trans, events, ...kachery }: IKachery,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null
  ): void => {
    const panel = new Sidebar({ title: trans.__('Kachery'), ...kachery });
    shell.add(panel, 'left', { rank: 600, type: 'Kachery' });
    restorer?.add(panel, SIDEBAR);
    openWhenDraggedOver(SIDEBAR, () => shell.activateById(SIDEBAR));
    commands.addCommand(CommandIDs.show, {
      label: trans.__('Show Kachery'),
      caption: trans.__('Show what this node keeps and shares'),
      icon: kacheryIcon,
      execute: async args => {
        shell.activateById(SIDEBAR);
        await panel.open((args.section as string | undefined) ?? '');
      }
    });
    commands.addCommand(CommandIDs.refresh, {
      label: trans.__('Refresh Kachery'),
      caption: trans.__('Ask the node again for what the sidebar shows'),
      icon: refreshIcon,
      execute: () => events.askAgain()
    });
    palette?.addItem({ command: CommandIDs.show, category: CATEGORY });
    palette?.addItem({ command: CommandIDs.refresh, category: CATEGORY });
  }
};
