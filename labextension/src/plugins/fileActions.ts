import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Clipboard, Notification } from '@jupyterlab/apputils';
import { loadCode } from '../models/loadCode';
import { downloadUrl } from '../node/downloads';
import type { IFile, IStored } from '../node/fileTypes';
import type { ICited, IFileActions } from '../views/files/actions';
import { shownName } from '../views/files/facts';
import { confirm } from '../views/parts/dialogs';
import { attempt, copy, tell } from '../views/parts/notify';
import { codeNeedsImport, insertLoadCode } from './insertion';
import type { IKachery } from './token';

/** Where the drive of stored files begins; see `drive`. */
export const DRIVE = 'kachery';

/** What a person does with contents, and what he is told of it. */
export class FileActions implements IFileActions {
  constructor(
    private readonly _app: JupyterFrontEnd,
    private readonly _kachery: IKachery
  ) {}

  insertCode = (file: ICited): void => {
    const { trans } = this._kachery;
    void attempt(async () => {
      if ((await insertLoadCode(this._app, file, this._kachery.preferences)) === null) {
        Clipboard.copyToSystem(loadCode(file, { imports: true }));
        Notification.info(
          trans.__('No notebook or console is in front: the load code is on the clipboard.'),
          { autoClose: 5000 }
        );
      }
    });
  };

  needsImport = (): boolean => codeNeedsImport(this._app, this._kachery.preferences);

  copyUri = (file: ICited): void => copy(file.uri, this._kachery.trans);

  canOpen = (file: IFile): boolean => {
    const isKnown = this._app.docRegistry.getFileTypesForPath(pathName(file)).length > 0;
    return file.kind !== 'folder' && isKnown;
  };

  open = (file: IFile): void => {
    const path = `${DRIVE}:${file.sha1}/${pathName(file)}`;
    void attempt(async () => {
      await this._app.commands.execute('docmanager:open', { path });
    });
  };

  download = (file: IFile): void => {
    const link = document.createElement('a');
    link.href = downloadUrl(this._kachery.requests, file.sha1, { name: file.name });
    link.download = file.name || file.sha1;
    link.click();
  };

  pin = (file: IFile, pinned: boolean): void => {
    void attempt(() => this._kachery.models.files.pin(file, pinned));
  };

  remove = (file: IFile): void => {
    const { models, preferences, trans } = this._kachery;
    void attempt(async () => {
      if (preferences.confirmDeletes && !(await this._isMeant(file))) {
        return;
      }
      await models.files.remove(file);
      tell(trans.__('Deleted %1', shownName(file)), {
        label: trans.__('Undo'),
        execute: () => void attempt(() => models.files.restore(file))
      });
    });
  };

  store = (files: readonly File[]): void => {
    const { models } = this._kachery;
    void this._all(files.map(file => () => models.transfers.send(file)));
  };

  storePaths = (paths: readonly string[]): void => {
    const { models } = this._kachery;
    void this._all(paths.map(path => () => models.transfers.storePath(path)));
  };

  load = async (uri: string): Promise<boolean> => {
    const { models } = this._kachery;
    const came = await models.transfers.load(uri);
    const sha1 = /[0-9a-f]{40}/i.exec(uri)?.[0].toLowerCase();
    if (came && sha1) {
      await this._show(sha1);
    }
    return came;
  };

  private _isMeant(file: IFile): Promise<boolean> {
    const { trans } = this._kachery;
    return confirm({
      title: trans.__('Delete %1?', shownName(file)),
      text: trans.__(
        'It goes to the trash of the node, from where it can be restored for a while.'
      ),
      accept: trans.__('Delete'),
      trans
    });
  }

  /** One after the other: each has the whole disk; the last one is selected. */
  private async _all(stores: (() => Promise<IStored>)[]): Promise<void> {
    for (const store of stores) {
      const stored = await store().catch(() => null); // The list of transfers says what happened.
      if (stored) {
        await this._show(stored.sha1);
      }
    }
  }

  private async _show(sha1: string): Promise<void> {
    this._kachery.models.files.reveal(sha1);
    await this._kachery.models.files.refresh();
  }
}

/** JupyterLab chooses the viewer by the ending: contents without one get that of their kind. */
function pathName(file: IFile): string {
  const endings: Record<string, string> = { text: 'txt', json: 'json', npy: 'npy', pkl: 'pkl' };
  const name = (file.name || 'content').replace(/[/\\:]/g, '_');
  const ending = endings[file.kind];
  return !ending || /\.\w+$/.test(name) ? name : `${name}.${ending}`;
}
