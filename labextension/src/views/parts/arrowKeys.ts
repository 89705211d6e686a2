import type { KeyboardEvent } from 'react';

/**
 * Up, down, Home and End go from one focusable thing in a list to another; for its `onKeyDown`.
 *
 * @param selector - What they go along.
 */
export function moveAmong(event: KeyboardEvent<HTMLElement>, selector: string): void {
  const stops = [...event.currentTarget.querySelectorAll<HTMLElement>(selector)];
  const at = stops.indexOf(document.activeElement as HTMLElement);
  const places: Record<string, number> = {
    ArrowUp: at - 1,
    ArrowDown: at + 1,
    Home: 0,
    End: stops.length - 1
  };
  const stop = at >= 0 && event.key in places ? stops[places[event.key]] : undefined;
  if (stop) {
    event.preventDefault();
    stop.focus();
  }
}
