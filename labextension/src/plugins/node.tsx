import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { NodeView } from '../views/node/nodeView';
import { attempt, tell } from '../views/parts/notify';
import { Section } from '../views/parts/section';
import { CATEGORY, IKachery } from './token';

const TOGGLE_SHARING = 'kachery:toggle-sharing';

/** The section Node. */
export const node: JupyterFrontEndPlugin<void> = {
  id: '@kachery/jupyter:node',
  description: 'Section Node of the sidebar: how the node is, and whether it shares.',
  autoStart: true,
  requires: [IKachery],
  optional: [ICommandPalette],
  activate: (
    { commands }: JupyterFrontEnd,
    { sections, models, trans }: IKachery,
    palette: ICommandPalette | null
  ): void => {
    const title = trans.__('Node');
    const view = (): JSX.Element => <NodeView model={models.node} trans={trans} />;
    const widget = new Section('node', title, view, [models.node]);
    sections.add({ id: 'node', title, rank: 100, widget, open: true, share: 0.45 });

    commands.addCommand(TOGGLE_SHARING, {
      label: trans.__('Start or Stop Sharing'),
      caption: trans.__('Connect this node to its channels, or disconnect it from all of them'),
      isToggled: () => models.node.status?.sharing.enabled ?? false,
      execute: () =>
        attempt(async () => {
          const shares = await models.node.toggleSharing();
          tell(shares ? trans.__('This node shares now.') : trans.__('This node shares no more.'));
        })
    });
    palette?.addItem({ command: TOGGLE_SHARING, category: CATEGORY });
  }
};
