import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IKachery } from './token';

/** Stores what is in the file browser. */
export const fileBrowser: JupyterFrontEndPlugin<void> = {
  id: '@kachery/jupyter:file-browser',
  description: 'Stores what is in the file browser.',
  autoStart: true,
  requires: [IKachery],
  activate: (): void => undefined
};
