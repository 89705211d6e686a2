import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Section } from '../views/parts/section';
import { IKachery } from './token';

/** The section Channels. */
export const channels: JupyterFrontEndPlugin<void> = {
  id: '@kachery/jupyter:channels',
  description: 'Section Channels of the sidebar.',
  autoStart: true,
  requires: [IKachery],
  activate: (_: JupyterFrontEnd, { sections, trans }: IKachery): void => {
    const title = trans.__('Channels');
    const widget = new Section('channels', title, () => <p>{title}</p>, []);
    sections.add({ id: 'channels', title, rank: 300, widget });
  }
};
