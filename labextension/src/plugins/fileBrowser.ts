import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Clipboard } from '@jupyterlab/apputils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { copyIcon } from '@jupyterlab/ui-components';
import type { IStored } from '../node/fileTypes';
import { kacheryIcon } from '../views/parts/icon';
import { attempt, tell } from '../views/parts/notify';
import { IKachery } from './token';

const CommandIDs = {
  store: 'kachery:store-in-kachery',
  copyUri: 'kachery:copy-kachery-uri'
} as const;

/** Stores what is in the file browser. */
export const fileBrowser: JupyterFrontEndPlugin<void> = {
  id: '@kachery/jupyter:file-browser',
  description: "Entries in the menu of JupyterLab's file browser.",
  autoStart: true,
  requires: [IKachery, IFileBrowserFactory],
  activate: (
    { commands }: JupyterFrontEnd,
    kachery: IKachery,
    { tracker }: IFileBrowserFactory
  ): void => {
    const { trans } = kachery;
    const selected = (): string[] =>
      [...(tracker.currentWidget?.selectedItems() ?? [])]
        .filter(item => item.type !== 'directory')
        .map(item => item.path);
    const isEnabled = () => selected().length > 0;
    commands.addCommand(CommandIDs.store, {
      label: trans.__('Store in kachery'),
      icon: kacheryIcon,
      isEnabled,
      execute: () => store(kachery, selected())
    });
    commands.addCommand(CommandIDs.copyUri, {
      label: trans.__('Copy kachery URI'),
      caption: trans.__('Store the file if it is not stored yet, and copy its URI'),
      icon: copyIcon,
      isEnabled,
      execute: async () => {
        const stored = await storeAll(kachery, selected());
        if (stored.length > 0) {
          Clipboard.copyToSystem(stored.map(({ uri }) => uri).join('\n'));
          tell(trans._n('Copied its URI', 'Copied %1 URIs', stored.length));
        }
      }
    });
  }
};

async function store(kachery: IKachery, paths: string[]): Promise<void> {
  const { trans } = kachery;
  const stored = await storeAll(kachery, paths);
  if (stored.length > 0) {
    const name = paths[0].split('/').pop() ?? paths[0];
    tell(
      stored.length === 1
        ? trans.__('Stored %1', name)
        : trans.__('Stored %1 files', stored.length),
      {
        label: trans.__('Copy URI'),
        execute: () => Clipboard.copyToSystem(stored.map(({ uri }) => uri).join('\n'))
      }
    );
  }
}

/** One after the other. The sidebar may be closed: what goes wrong is told here as well. */
async function storeAll({ models }: IKachery, paths: string[]): Promise<IStored[]> {
  const all: IStored[] = [];
  for (const path of paths) {
    const stored = await attempt(() => models.transfers.storePath(path));
    all.push(...(stored ? [stored] : []));
  }
  return all;
}
