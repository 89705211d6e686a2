import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Drive } from '@jupyterlab/services';
import { downloadUrl } from '../node/downloads';
import { API, type Requests } from '../node/requests';
import { DRIVE } from './fileActions';
import { IKachery } from './token';

/** Stored contents, to be read only: `SHA1/NAME`. */
class StoredFiles extends Drive {
  constructor(private readonly _requests: Requests) {
    super({
      name: DRIVE,
      apiEndpoint: `${API}/contents`,
      serverSettings: _requests.settings
    });
  }

  override getDownloadUrl(localPath: string): Promise<string> {
    const [sha1, ...name] = localPath.split('/');
    return Promise.resolve(downloadUrl(this._requests, sha1, { name: name.join('/') }));
  }
}

/** Stored files open in JupyterLab's viewers. */
export const drive: JupyterFrontEndPlugin<void> = {
  id: '@kachery/jupyter:drive',
  description: "Stored files open in JupyterLab's viewers.",
  autoStart: true,
  requires: [IKachery],
  activate: ({ serviceManager }: JupyterFrontEnd, { requests }: IKachery): void => {
    serviceManager.contents.addDrive(new StoredFiles(requests));
  }
};
