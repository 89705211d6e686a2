import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { Widget } from '@lumino/widgets';
import { FilesModel } from '../models/files';
import { Memory } from '../models/memory';
import { NodeModel } from '../models/node';
import { type IPreferences, preferencesIn, USUAL } from '../models/preferences';
import { Sections } from '../models/sections';
import { TransfersModel } from '../models/transfers';
import { Events } from '../node/events';
import { Requests } from '../node/requests';
import { IKachery } from './token';

/** The one place where the parts are put together. */
export const kachery: JupyterFrontEndPlugin<IKachery> = {
  id: '@kachery/jupyter:kachery',
  description: 'The node, its models, and the sections of the kachery sidebar.',
  autoStart: true,
  provides: IKachery,
  optional: [IStateDB, ISettingRegistry, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    state: IStateDB | null,
    registry: ISettingRegistry | null,
    maybeTranslator: ITranslator | null
  ): IKachery => {
    const translator = maybeTranslator ?? nullTranslator;
    const trans = translator.load('kachery');
    const settings = app.serviceManager.serverSettings;
    const requests = new Requests(settings, trans);
    const events = new Events(settings);
    return {
      requests,
      events,
      memory: new Memory(state),
      models: {
        files: new FilesModel(requests, events),
        node: new NodeModel(requests, events),
        transfers: new TransfersModel(requests, events)
      },
      preferences: followed(registry),
      sections: new Sections<Widget>(),
      translator,
      trans
    };
  }
};

/** The preferences, kept as the settings are. */
function followed(registry: ISettingRegistry | null): IPreferences {
  const preferences = { ...USUAL };
  void registry?.load('@kachery/jupyter:sidebar').then(settings => {
    const follow = (): void => void Object.assign(preferences, preferencesIn(settings.composite));
    settings.changed.connect(follow);
    follow();
  });
  return preferences;
}
