const HOLD_MSEC = 500;
const ENTERS = ['lm-dragenter', 'dragenter'];
const ENDS = ['lm-drop', 'drop', 'dragend'];

/**
 * Open a sidebar when something is held over its tab, so that it can be dropped inside: the file
 * browser, where drags begin, is at the same side, and one hides the other.
 *
 * @param id - Of the sidebar.
 */
export function openWhenDraggedOver(id: string, open: () => void): void {
  let timer = 0;
  const leave = (): void => window.clearTimeout(timer);
  const enter = ({ target }: Event): void => {
    if (!(target instanceof Element) || target === document.body) {
      return; // What nobody takes is offered to the body as well.
    }
    leave();
    if (target.closest('.lm-TabBar-tab')?.getAttribute('data-id') === id) {
      timer = window.setTimeout(open, HOLD_MSEC);
    }
  };
  ENTERS.forEach(name => document.addEventListener(name, enter, true));
  ENDS.forEach(name => document.addEventListener(name, leave, true));
}
