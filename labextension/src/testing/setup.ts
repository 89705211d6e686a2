/** What jsdom lacks and JupyterLab's packages ask for while they are imported. */

class Observer {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}

Object.assign(globalThis, {
  ResizeObserver: globalThis.ResizeObserver ?? Observer,
  requestIdleCallback: (work: () => void) => setTimeout(work),
  DragEvent: globalThis.DragEvent ?? class extends MouseEvent {},
  IS_REACT_ACT_ENVIRONMENT: true
});
window.matchMedia ??= (query: string) =>
  ({
    matches: false,
    media: query,
    addListener: () => undefined,
    addEventListener: () => undefined,
    removeListener: () => undefined,
    removeEventListener: () => undefined
  }) as unknown as MediaQueryList;
