import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Section } from '../views/parts/section';
import { IKachery } from './token';

/** The section Files. */
export const files: JupyterFrontEndPlugin<void> = {
  id: '@kachery/jupyter:files',
  description: 'Section Files of the sidebar.',
  autoStart: true,
  requires: [IKachery],
  activate: (_: JupyterFrontEnd, { sections, trans }: IKachery): void => {
    const title = trans.__('Files');
    const widget = new Section('files', title, () => <p>{title}</p>, []);
    sections.add({ id: 'files', title, rank: 200, widget, open: true });
  }
};
