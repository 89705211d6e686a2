import type { JupyterFrontEnd } from '@jupyterlab/application';

/**
 * Give the focus back to where it was in `place` when a menu that was opened there closes.
 *
 * A menu takes the focus and leaves it nowhere: without a mouse, one would begin at the top again.
 */
export function returnFocus({ contextMenu }: JupyterFrontEnd, place: HTMLElement): void {
  let before: HTMLElement | null = null;
  place.addEventListener(
    'contextmenu',
    () => {
      const { activeElement: now } = document;
      before = now instanceof HTMLElement && place.contains(now) ? now : null;
    },
    true
  );
  contextMenu.menu.aboutToClose.connect(() => {
    const target = before;
    before = null;
    // What was chosen may move the focus itself; then it stays there.
    requestAnimationFrame(() => document.activeElement === document.body && target?.focus());
  });
}
