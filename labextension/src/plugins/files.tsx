import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { CommandToolbarButton, Toolbar } from '@jupyterlab/ui-components';
import { FilesPanel } from '../models/filesPanel';
import { PreviewModel } from '../models/preview';
import type { IFilesContext } from '../views/files/actions';
import { FilesSection } from '../views/files/filesSection';
import { FileActions } from './fileActions';
import { addFileCommands, FileCommands } from './fileCommands';
import { returnFocus } from './menuFocus';
import { IKachery } from './token';

/** The section Files. */
export const files: JupyterFrontEndPlugin<void> = {
  id: '@kachery/jupyter:files',
  description: 'Section Files of the sidebar: what this node keeps.',
  autoStart: true,
  requires: [IKachery],
  optional: [ICommandPalette],
  activate: (app: JupyterFrontEnd, kachery: IKachery, palette: ICommandPalette | null): void => {
    const { requests, models, memory, sections, trans } = kachery;
    const preview = new PreviewModel(requests);
    const context: IFilesContext = {
      files: models.files,
      transfers: models.transfers,
      preview,
      panel: new FilesPanel(memory, models.files, preview),
      actions: new FileActions(app, kachery),
      requests,
      trans
    };
    addFileCommands(app, context, palette);
    const widget = new FilesSection(context);
    // A right click is about what it was made on.
    widget.node.addEventListener('contextmenu', event => select(event, context), true);
    returnFocus(app, widget.node);
    widget.toolbar = toolbarOf(app);
    sections.add({
      id: 'files',
      title: trans.__('Files'),
      rank: 200,
      widget,
      open: true,
      fills: () => true
    });
  }
};

function select(event: MouseEvent, { files }: IFilesContext): void {
  const row = event.target instanceof Element && event.target.closest('[data-index]');
  if (row) {
    files.select(Number(row.getAttribute('data-index')));
  }
}

function toolbarOf({ commands }: JupyterFrontEnd): Toolbar {
  const toolbar = new Toolbar();
  const args = { [FileCommands.upload]: {}, [FileCommands.load]: { toggle: true } };
  for (const id of [FileCommands.upload, FileCommands.load] as const) {
    toolbar.addItem(id, new CommandToolbarButton({ commands, id, args: args[id], label: '' }));
  }
  return toolbar;
}
