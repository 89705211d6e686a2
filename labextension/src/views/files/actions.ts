import type { TranslationBundle } from '@jupyterlab/translation';
import type { FilesModel } from '../../models/files';
import type { FilesPanel } from '../../models/filesPanel';
import type { PreviewModel } from '../../models/preview';
import type { TransfersModel } from '../../models/transfers';
import type { IFile } from '../../node/fileTypes';
import type { Requests } from '../../node/requests';

/** What a person can do with contents. Each tells the person itself how it went. */
export interface IFileActions {
  insertCode(file: ICited): void;
  /** Whether code that is dragged has to bring the import along. */
  needsImport(): boolean;
  copyUri(file: ICited): void;
  /** Whether JupyterLab has a viewer for it. */
  canOpen(file: IFile): boolean;
  /** In JupyterLab's own viewer. */
  open(file: IFile): void;
  download(file: IFile): void;
  pin(file: IFile, pinned: boolean): void;
  remove(file: IFile): void;
  /** Files of the user's computer. */
  store(files: readonly File[]): void;
  /** Files of Jupyter's file browser. */
  storePaths(paths: readonly string[]): void;
  load(uri: string): Promise<boolean>;
}

/** Enough of a content to refer to it. */
export interface ICited {
  uri: string;
  name: string;
  kind: string;
}

/** What the views of this section share. */
export interface IFilesContext {
  files: FilesModel;
  transfers: TransfersModel;
  preview: PreviewModel;
  requests: Requests;
  actions: IFileActions;
  trans: TranslationBundle;
  panel: FilesPanel;
}
