/** Python that loads what was stored: one line, ready to run. */

/** What must be known of a content to write the code that loads it. */
export interface ILoadable {
  /** Content or feed URI. */
  uri: string;
  /** What it was stored as; may be empty. */
  name: string;
  /** text, json, npy, pkl, bytes, file, link, folder, feed or subfeed; may be empty. */
  kind: string;
}

export const IMPORT_LINE = 'import kachery_jupyter as kc';

/** The line without which the code does not run, as people write it. */
const IMPORTED = /^\s*import\s+kachery_jupyter\s+as\s+kc\b/m;

const FUNCTIONS: Record<string, string> = {
  text: 'load_text',
  json: 'load_json',
  npy: 'load_npy',
  pkl: 'load_pkl',
  bytes: 'load_bytes',
  folder: 'list_dir',
  feed: 'load_feed',
  subfeed: 'load_subfeed'
};

/** Files are loaded as what their name says they are; anything else becomes a path. */
const BY_ENDING: Record<string, string> = {
  npy: 'load_npy',
  json: 'load_json',
  txt: 'load_text',
  md: 'load_text',
  log: 'load_text'
};

/** What a variable is called when the name of the content is none. */
const VARIABLES: Record<string, string> = {
  load_text: 'text',
  load_json: 'value',
  load_npy: 'array',
  load_pkl: 'value',
  load_bytes: 'data',
  load_file: 'path',
  list_dir: 'files',
  load_feed: 'feed',
  load_subfeed: 'subfeed'
};

const PYTHON_WORDS = new Set(
  (
    'and as assert async await break class continue def del elif else except False finally for from global if ' +
    'import in is lambda None nonlocal not or pass raise return True try while with yield match case type ' +
    'dir file id input iter len list map max min next object open print range set str sum vars zip kc np pd'
  ).split(' ')
);

/** The code for one content, such as `signal = kc.load_npy("sha1://…/signal.npy")`. */
export function loadCode(item: ILoadable, options: { imports?: boolean } = {}): string {
  const call = functionFor(item);
  const line = `${variableFor(item.name, call)} = kc.${call}(${pythonText(item.uri)})`;
  return options.imports ? `${IMPORT_LINE}\n${line}` : line;
}

/** Whether one of these sources imports the package already. */
export function hasImport(sources: Iterable<string>): boolean {
  for (const source of sources) {
    if (IMPORTED.test(source)) {
      return true;
    }
  }
  return false;
}

function functionFor(item: ILoadable): string {
  if (item.uri.toLowerCase().startsWith('sha1dir://')) {
    return 'list_dir';
  }
  return FUNCTIONS[item.kind] ?? BY_ENDING[ending(item.name)] ?? 'load_file';
}

function ending(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(dot + 1).toLowerCase() : '';
}

/** `my signal.v2.npy` gives `my_signal_v2`; what is no name in Python gives the kind's own word. */
function variableFor(name: string, call: string): string {
  const base = name.split('/').pop() ?? '';
  const dot = base.lastIndexOf('.');
  const words = (dot > 0 ? base.slice(0, dot) : base)
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, 40);
  const isName = /^[A-Za-z]\w*$/.test(words) && !PYTHON_WORDS.has(words);
  // Nobody gave these names: `store_npy` and its like did.
  return isName && words !== 'file' ? words : (VARIABLES[call] ?? 'value');
}

/** A Python string: JSON's form is one, for every text. */
function pythonText(text: string): string {
  return JSON.stringify(text);
}
