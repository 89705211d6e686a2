import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IKachery } from './token';

/** Shows kachery URIs in outputs. */
export const outputs: JupyterFrontEndPlugin<void> = {
  id: '@kachery/jupyter:outputs',
  description: 'Shows kachery URIs in outputs.',
  autoStart: true,
  requires: [IKachery],
  activate: (): void => undefined
};
