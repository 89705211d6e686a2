import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Section } from '../views/parts/section';
import { IKachery } from './token';

/** The section Feeds. */
export const feeds: JupyterFrontEndPlugin<void> = {
  id: '@kachery/jupyter:feeds',
  description: 'Section Feeds of the sidebar.',
  autoStart: true,
  requires: [IKachery],
  activate: (_: JupyterFrontEnd, { sections, trans }: IKachery): void => {
    const title = trans.__('Feeds');
    const widget = new Section('feeds', title, () => <p>{title}</p>, []);
    sections.add({ id: 'feeds', title, rank: 400, widget });
  }
};
