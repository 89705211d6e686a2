import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';
import { IKachery } from './token';

/** The item in the status bar. */
export const statusBar: JupyterFrontEndPlugin<void> = {
  id: '@kachery/jupyter:status-bar',
  description: 'How the node is, in the status bar.',
  autoStart: true,
  requires: [IKachery],
  optional: [IStatusBar],
  activate: (): void => undefined
};
