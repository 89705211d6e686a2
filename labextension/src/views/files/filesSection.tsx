import type { Drag } from '@lumino/dragdrop';
import type { Message } from '@lumino/messaging';
import { Section } from '../parts/section';
import type { IFilesContext } from './actions';
import { FilesView } from './filesView';

/** What JupyterLab's file browser drags: paths. */
const PATHS = 'application/x-jupyter-icontents';
const TARGET = 'kachery-mod-dropTarget';
const EVENTS = ['lm-dragenter', 'lm-dragover', 'lm-dragleave', 'lm-drop'] as const;

/** The section Files; what is dragged here from JupyterLab's file browser is stored. */
export class FilesSection extends Section {
  constructor(private readonly _context: IFilesContext) {
    const { files, transfers, trans } = _context;
    const view = () => <FilesView context={_context} />;
    super('files', trans.__('Files'), view, [files, transfers]);
  }

  /** Called by the browser for the events of Lumino's drags. */
  handleEvent(event: Event): void {
    const drag = event as Drag.Event;
    if (!drag.mimeData.hasData(PATHS)) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    // The file browser offers to move; what is stored stays where it was all the same.
    drag.dropAction = drag.proposedAction;
    this.toggleClass(TARGET, event.type === 'lm-dragenter' || event.type === 'lm-dragover');
    if (event.type === 'lm-drop') {
      this._context.actions.storePaths(drag.mimeData.getData(PATHS) as string[]);
    }
  }

  protected override onAfterAttach(msg: Message): void {
    EVENTS.forEach(name => this.node.addEventListener(name, this));
    super.onAfterAttach(msg);
  }

  protected override onBeforeDetach(msg: Message): void {
    super.onBeforeDetach(msg);
    EVENTS.forEach(name => this.node.removeEventListener(name, this));
  }
}
