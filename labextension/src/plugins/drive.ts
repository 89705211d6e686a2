import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IKachery } from './token';

/** Stored files open in JupyterLab's viewers. */
export const drive: JupyterFrontEndPlugin<void> = {
  id: '@kachery/jupyter:drive',
  description: "Stored files open in JupyterLab's viewers.",
  autoStart: true,
  requires: [IKachery],
  activate: (): void => undefined
};
