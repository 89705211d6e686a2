import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { ReactElement } from 'react';
import { type IUriOutput, UriChip } from '../views/files/uriChip';
import { FileActions } from './fileActions';
import { IKachery } from './token';

const MIME = 'application/vnd.kachery.uri+json';
const URI = /^(sha1|sha1dir):\/\/\S+$|^kachery:\S+$/i;
/** Before HTML, which says the same for where this extension is not. */
const RANK = 40;

/** What was stored, in the output of a cell. */
class UriOutput extends ReactWidget implements IRenderMime.IRenderer {
  constructor(
    private readonly _kachery: IKachery,
    private readonly _actions: FileActions
  ) {
    super();
    this.addClass('kachery-Output');
  }

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this._output = read(model.data[MIME]);
    this.update();
    return this.renderPromise ?? Promise.resolve();
  }

  protected render(): ReactElement {
    const { requests, models, trans } = this._kachery;
    if (!this._output) {
      return <p>{trans.__('This output names no URI of kachery.')}</p>;
    }
    const { uri } = this._output;
    const shared = { requests, trans, transfers: models.transfers, actions: this._actions };
    return <UriChip key={uri} output={this._output} {...shared} />;
  }

  private _output: IUriOutput | null = null;
}

/** A notebook may come from anybody: only what is what it should be is used. */
export function read(data: unknown): IUriOutput | null {
  const { uri, name, kind, size } = (data ?? {}) as Record<string, unknown>;
  if (typeof uri !== 'string' || !URI.test(uri)) {
    return null;
  }
  return {
    uri,
    name: typeof name === 'string' ? name : '',
    kind: typeof kind === 'string' ? kind : '',
    size: typeof size === 'number' && size >= 0 ? size : null
  };
}

/** Shows kachery URIs in outputs. */
export const outputs: JupyterFrontEndPlugin<void> = {
  id: '@kachery/jupyter:outputs',
  description: 'Shows kachery URIs in the outputs of cells.',
  autoStart: true,
  requires: [IKachery, IRenderMimeRegistry],
  activate: (app: JupyterFrontEnd, kachery: IKachery, registry: IRenderMimeRegistry): void => {
    const actions = new FileActions(app, kachery);
    registry.addFactory(
      {
        safe: true,
        mimeTypes: [MIME],
        createRenderer: () => new UriOutput(kachery, actions)
      },
      RANK
    );
  }
};
