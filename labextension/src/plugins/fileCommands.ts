import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import {
  codeIcon,
  copyIcon,
  deleteIcon,
  downloadIcon,
  fileUploadIcon,
  type LabIcon,
  launchIcon,
  searchIcon
} from '@jupyterlab/ui-components';
import type { IFile } from '../node/fileTypes';
import type { IFilesContext } from '../views/files/actions';
import { pinIcon } from '../views/files/kindIcon';
import { CATEGORY, CommandIDs } from './token';

/** Commands about files. Those of one file are about the selected one. */
export const FileCommands = {
  insertCode: 'kachery:insert-load-code',
  copyUri: 'kachery:copy-uri',
  preview: 'kachery:preview-file',
  open: 'kachery:open-file',
  download: 'kachery:download-file',
  pin: 'kachery:pin-file',
  remove: 'kachery:delete-file',
  upload: 'kachery:upload-files',
  load: 'kachery:load-uri'
} as const;

/** Enter all commands of the section, and name them in the palette. */
export function addFileCommands(
  app: JupyterFrontEnd,
  context: IFilesContext,
  palette: ICommandPalette | null
): void {
  addAboutOne(app, context);
  addWaysIn(app, context);
  for (const command of Object.values(FileCommands)) {
    palette?.addItem({ command, category: CATEGORY });
  }
}

function addAboutOne({ commands }: JupyterFrontEnd, context: IFilesContext): void {
  const { files, actions, preview, trans } = context;
  const add = (
    id: string,
    label: string,
    icon: LabIcon,
    run: (file: IFile) => void,
    may: (file: IFile) => boolean = () => true
  ) =>
    commands.addCommand(id, {
      label,
      icon,
      isEnabled: () => files.selected !== null && may(files.selected),
      execute: () => files.selected && run(files.selected)
    });
  add(FileCommands.insertCode, trans.__('Insert Load Code'), codeIcon, actions.insertCode);
  add(FileCommands.copyUri, trans.__('Copy URI'), copyIcon, actions.copyUri);
  add(FileCommands.preview, trans.__('Preview'), searchIcon, file => preview.open(file));
  add(FileCommands.open, trans.__('Open in a Tab'), launchIcon, actions.open, actions.canOpen);
  add(FileCommands.download, trans.__('Download'), downloadIcon, actions.download);
  add(FileCommands.remove, trans.__('Delete'), deleteIcon, actions.remove);
  commands.addCommand(FileCommands.pin, {
    label: () => (files.selected?.pinned ? trans.__('Unpin') : trans.__('Pin')),
    caption: trans.__('What is pinned is never let go to make room'),
    icon: pinIcon,
    isToggled: () => files.selected?.pinned ?? false,
    isEnabled: () => files.selected !== null,
    execute: () => files.selected && actions.pin(files.selected, !files.selected.pinned)
  });
}

function addWaysIn({ commands }: JupyterFrontEnd, context: IFilesContext): void {
  const { actions, panel, trans } = context;
  commands.addCommand(FileCommands.upload, {
    label: trans.__('Store Files of this Computer…'),
    caption: trans.__('Store files of this computer'),
    icon: fileUploadIcon,
    execute: () => chooseFiles(actions.store)
  });
  commands.addCommand(FileCommands.load, {
    label: trans.__('Load a URI…'),
    caption: trans.__('Load a URI: its content comes from the channels'),
    icon: downloadIcon,
    execute: async args => {
      const uri = args.uri as string | undefined;
      await commands.execute(CommandIDs.show, { section: 'files' });
      if (uri) {
        return actions.load(uri);
      }
      panel.setLoadField(!(args.toggle && panel.hasLoadField));
    }
  });
}

/** Ask for files as browsers do. */
function chooseFiles(take: (files: readonly File[]) => void): void {
  const chooser = document.createElement('input');
  chooser.type = 'file';
  chooser.multiple = true;
  chooser.onchange = () => take([...(chooser.files ?? [])]);
  chooser.click();
}
