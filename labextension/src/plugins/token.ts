import type { ITranslator, TranslationBundle } from '@jupyterlab/translation';
import { Token } from '@lumino/coreutils';
import type { Widget } from '@lumino/widgets';
import type { FilesModel } from '../models/files';
import type { Memory } from '../models/memory';
import type { NodeModel } from '../models/node';
import type { IPreferences } from '../models/preferences';
import type { Sections } from '../models/sections';
import type { TransfersModel } from '../models/transfers';
import type { Events } from '../node/events';
import type { Requests } from '../node/requests';

/** What every part of the extension shares. */
export interface IKachery {
  requests: Requests;
  events: Events;
  /** How the person left things; await `memory.ready` before reading. */
  memory: Memory;
  models: IModels;
  /** What the person chose in the settings; its values change with them. */
  preferences: Readonly<IPreferences>;
  /** Add to these, and the sidebar shows it. */
  sections: Sections<Widget>;
  translator: ITranslator;
  trans: TranslationBundle;
}

/** One of each; they ask for nothing until a view watches them. */
export interface IModels {
  files: FilesModel;
  node: NodeModel;
  transfers: TransfersModel;
}

/** What other extensions ask for, to add a section or to use the models. */
export const IKachery = new Token<IKachery>(
  '@kachery/jupyter:IKachery',
  'The node, its models, and the sections of the kachery sidebar.'
);

/** Category of every command in the palette. */
export const CATEGORY = 'Kachery';

/** Commands of the sidebar; those of the sections stand with their plugins. */
export const CommandIDs = {
  /** `{section?}`: also unfolds that section. */
  show: 'kachery:show',
  refresh: 'kachery:refresh'
} as const;
