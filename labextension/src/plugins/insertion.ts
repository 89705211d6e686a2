import type { JupyterFrontEnd } from '@jupyterlab/application';
import { hasImport, type ILoadable, loadCode } from '../models/loadCode';
import type { IPreferences } from '../models/preferences';

/**
 * What is used of a notebook, a console or an editor. Their packages are not depended on: they
 * are large, and Notebook 7 and JupyterLab have each their own.
 */
interface ISource {
  getSource?(): string;
}
interface IEditor {
  getCursorPosition(): { line: number; column: number };
  getLine(line: number): string | undefined;
  setCursorPosition(position: { line: number; column: number }): void;
  focus(): void;
}
interface ICell {
  editor?: IEditor | null;
  model?: { type?: string; sharedModel?: ISource; getMetadata?(key: string): unknown };
}
interface IDocument {
  context?: { model?: { sharedModel?: { cells?: ISource[] } & ISource } };
  content?: { activeCell?: ICell | null; editor?: IEditor | null };
  console?: { promptCell?: ICell | null; cells?: Iterable<ICell> };
}

/** Where the code went: nowhere if nothing that takes code is open. */
export type Place = 'notebook' | 'console' | 'editor' | null;

/**
 * Insert the code that loads `item` where the person works: on a line of its own at the cursor of
 * the notebook, console or editor shown last; in a new cell if the active one takes no code.
 */
export async function insertLoadCode(
  app: JupyterFrontEnd,
  item: ILoadable,
  preferences: IPreferences
): Promise<Place> {
  const { commands, shell } = app;
  const current = shell.currentWidget;
  const document = (current ?? {}) as IDocument;
  const place = placeOf(app);
  if (!current || !place) {
    return null;
  }
  const text = loadCode(item, { imports: codeNeedsImport(app, preferences) });
  if (place === 'notebook' && !takesCode(document.content?.activeCell)) {
    await commands.execute('notebook:insert-cell-below');
  }
  const editor = editorOf(document, place);
  const lead = editor ? goToOwnLine(editor) : '';
  await commands.execute(REPLACE[place], { text: lead + text });
  shell.activateById(current.id);
  if (place === 'notebook') {
    await commands.execute('notebook:enter-edit-mode');
  }
  editor?.focus();
  return place;
}

/** Whether what is in front does not import the package yet, and is meant to. */
export function codeNeedsImport(
  { shell }: JupyterFrontEnd,
  { insertImport }: IPreferences
): boolean {
  return insertImport && !hasImport(sourcesOf((shell.currentWidget ?? {}) as IDocument));
}

const REPLACE = {
  notebook: 'notebook:replace-selection',
  console: 'console:replace-selection',
  editor: 'fileeditor:replace-selection'
} as const;

/** Which of the three is in front; their commands know. */
function placeOf({ commands }: JupyterFrontEnd): Place {
  for (const place of ['notebook', 'console', 'editor'] as const) {
    const id = REPLACE[place];
    if (commands.hasCommand(id) && commands.isEnabled(id)) {
      return place;
    }
  }
  return null;
}

function takesCode(cell: ICell | null | undefined): boolean {
  const isEditable = cell?.model?.getMetadata?.('editable') !== false;
  return cell?.model?.type === 'code' && isEditable;
}

function editorOf(document: IDocument, place: Place): IEditor | null | undefined {
  if (place === 'notebook') {
    return document.content?.activeCell?.editor;
  }
  return place === 'console' ? document.console?.promptCell?.editor : document.content?.editor;
}

/** Put the cursor behind its line, unless the line is empty; the answer is what to begin with. */
function goToOwnLine(editor: IEditor): string {
  const { line } = editor.getCursorPosition();
  const text = editor.getLine(line) ?? '';
  editor.setCursorPosition({ line, column: text.length });
  return text.trim() ? '\n' : '';
}

function sourcesOf(document: IDocument): string[] {
  const model = document.context?.model?.sharedModel;
  const cells: ISource[] = model?.cells ?? (model ? [model] : []);
  const said = [...(document.console?.cells ?? []), document.console?.promptCell ?? {}];
  return [...cells, ...said.map(cell => cell.model?.sharedModel ?? {})].map(
    source => source.getSource?.() ?? ''
  );
}
