import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Section } from '../views/parts/section';
import { IKachery } from './token';

/** The section Node. */
export const node: JupyterFrontEndPlugin<void> = {
  id: '@kachery/jupyter:node',
  description: 'Section Node of the sidebar: how the node is.',
  autoStart: true,
  requires: [IKachery],
  activate: (_: JupyterFrontEnd, { sections, models, trans }: IKachery): void => {
    const title = trans.__('Node');
    const widget = new Section('node', title, () => <p>{title}</p>, [models.node]);
    sections.add({ id: 'node', title, rank: 100, widget, open: true });
  }
};
