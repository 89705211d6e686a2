/**
 * JSON values as text, never longer than asked for: a message may be as large as its writer likes.
 */

const SHORTEN = '…';

/** One line: `station: "A04", t: 17.25`; strings keep their quotes inside of others. */
export function summary(value: unknown, most = 240): string {
  if (typeof value === 'string') {
    return cut(oneLine(value), most);
  }
  return cut(inner(value, most), most);
}

/** Indented JSON, and whether something was left out at the end. */
export function pretty(value: unknown, most = 20_000): { text: string; isCut: boolean } {
  const text = JSON.stringify(value, null, 2) ?? String(value);
  return text.length > most
    ? { text: text.slice(0, most) + SHORTEN, isCut: true }
    : { text, isCut: false };
}

function inner(value: unknown, room: number): string {
  if (Array.isArray(value)) {
    return `[${joined(value, room, (one, left) => nested(one, left))}]`;
  }
  if (typeof value === 'object' && value !== null) {
    return joined(
      Object.entries(value),
      room,
      ([key, one], left) => `${cut(key, 60)}: ${nested(one, left)}`
    );
  }
  return JSON.stringify(value) ?? '';
}

function nested(value: unknown, room: number): string {
  if (typeof value === 'string') {
    return JSON.stringify(cut(value, room));
  }
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? `{${inner(value, room)}}` : inner(value, room);
}

function joined<T>(items: T[], room: number, write: (item: T, left: number) => string): string {
  let text = '';
  for (const item of items) {
    if (text.length >= room) {
      return text + SHORTEN;
    }
    text += (text && ', ') + write(item, room - text.length);
  }
  return text;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function cut(text: string, most: number): string {
  return text.length > most ? text.slice(0, most) + SHORTEN : text;
}
