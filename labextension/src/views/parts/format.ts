import type { TranslationBundle } from '@jupyterlab/translation';

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
// Made once: a formatter takes a millisecond to make, and a list has many rows.
const NUMBER = new Intl.NumberFormat();
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** A size in bytes, for people: `0 bytes`, `3.4 MB`; powers of 1000. */
export function bytes(size: number): string {
  let value = size;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${unit === 0 && size === 1 ? 'byte' : UNITS[unit]}`;
}

/** Bytes a second, for people. */
export function rate(bytesPerSecond: number): string {
  return `${bytes(bytesPerSecond)}/s`;
}

/** A share of 1, for people: `0%` only for nothing, `100%` only for all. */
export function percent(share: number): string {
  const rounded = Math.round(share * 100);
  const honest = share < 1 ? Math.min(rounded, 99) : 100;
  return `${share > 0 ? Math.max(honest, 1) : 0}%`;
}

/** How many, with separators of the browser's language. */
export function count(number: number): string {
  return NUMBER.format(number);
}

/** A duration in seconds, for people: `12 s`, `5 min`, `3 h`, `2 d`. */
export function duration(seconds: number): string {
  if (seconds < MINUTE) {
    return `${Math.max(0, Math.round(seconds))} s`;
  }
  if (seconds < HOUR) {
    return `${Math.round(seconds / MINUTE)} min`;
  }
  return seconds < 2 * DAY ? `${Math.round(seconds / HOUR)} h` : `${Math.round(seconds / DAY)} d`;
}

/** How long ago a time (seconds since 1970) was, or its date when that says more. */
export function ago(time: number, trans: TranslationBundle, now = Date.now() / 1000): string {
  const seconds = now - time;
  if (seconds < 45) {
    return trans.__('just now');
  }
  if (seconds < 7 * DAY) {
    return trans.__('%1 ago', duration(seconds));
  }
  return DATE.format(time * 1000);
}

/** Date and time (seconds since 1970) in the browser's language and zone. */
export function moment(time: number): string {
  return MOMENT.format(time * 1000);
}

/** Since when (seconds since 1970): the time of a time of today, else the date. */
export function since(time: number, now = Date.now() / 1000): string {
  const [then, today] = [new Date(time * 1000), new Date(now * 1000)];
  const style =
    then.toDateString() === today.toDateString()
      ? ({ timeStyle: 'short' } as const)
      : ({ dateStyle: 'medium' } as const);
  return new Intl.DateTimeFormat(undefined, style).format(then);
}

/** A long identifier, short: its first and last letters. Show it whole in a `title`. */
export function short(text: string, length = 12): string {
  if (text.length <= length) {
    return text;
  }
  const tail = Math.floor((length - 1) / 3);
  return `${text.slice(0, length - 1 - tail)}…${text.slice(text.length - tail)}`;
}
