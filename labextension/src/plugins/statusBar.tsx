import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ReactWidget } from '@jupyterlab/ui-components';
import { Signal } from '@lumino/signaling';
import { StatusItem } from '../views/node/statusItem';
import { CommandIDs, IKachery } from './token';

const ID = '@kachery/jupyter:status-bar';

/** The item in the status bar: a way to the sidebar, and how the node is while it is looked at. */
export const statusBar: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'How the node is, in the status bar.',
  autoStart: true,
  requires: [IKachery],
  optional: [IStatusBar, ISettingRegistry],
  activate: (
    { commands }: JupyterFrontEnd,
    { models, trans }: IKachery,
    bar: IStatusBar | null,
    registry: ISettingRegistry | null
  ): void => {
    const show = (): void => void commands.execute(CommandIDs.show, { section: 'node' });
    const item = ReactWidget.create(
      <StatusItem model={models.node} trans={trans} onClick={show} />
    );
    const shown = { is: true, changed: new Signal<typeof item, void>(item) };
    bar?.registerStatusItem(ID, {
      item,
      align: 'right',
      rank: 100,
      isActive: () => shown.is,
      activeStateChanged: shown.changed
    });
    void registry?.load(ID).then(settings => {
      const follow = (): void => {
        shown.is = settings.composite.show !== false;
        shown.changed.emit();
      };
      settings.changed.connect(follow);
      follow();
    });
  }
};
