/**
 * The numbers in a feed's messages, as lines to draw.
 */

import type { ITailed } from './tail';

/** One number in one message. */
export interface IPoint {
  index: number;
  value: number;
}

/** What a line goes through, lowest and highest. */
export interface IExtent {
  low: number;
  high: number;
}

const MOST_FIELDS = 60;
const DEEPEST = 4;
// Of these messages the fields are read; older ones rarely have others.
const LOOKED_AT = 100;

/** The fields that hold numbers, by path (`a.b`; '' for a message that is a number itself). */
export function numericFields(messages: readonly ITailed[]): string[] {
  const found = new Set<string>();
  for (const { message } of messages.slice(-LOOKED_AT)) {
    collect(message, [], found);
  }
  return [...found];
}

/** The points of one field, oldest first; messages without it are left out. */
export function pointsOf(messages: readonly ITailed[], field: string): IPoint[] {
  const keys = field ? field.split('\u0000') : [];
  const points: IPoint[] = [];
  for (const { index, message } of messages) {
    const value = keys.reduce<unknown>(
      (inner, key) => (isObject(inner) ? inner[key] : undefined),
      message
    );
    if (typeof value === 'number' && Number.isFinite(value)) {
      points.push({ index, value });
    }
  }
  return points;
}

/** A field's path for people. */
export function fieldLabel(field: string): string {
  return field.split('\u0000').join('.');
}

/** Which field to draw first: the first that goes up and down, as neither counters nor times do. */
export function bestField(messages: readonly ITailed[], fields: readonly string[]): string | null {
  const interesting = fields.find(field => goesUpAndDown(pointsOf(messages, field)));
  return interesting ?? fields[0] ?? null;
}

/** Lowest and highest value, with some room where all are the same. */
export function extentOf(points: readonly IPoint[]): IExtent {
  let low = Infinity;
  let high = -Infinity;
  for (const { value } of points) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) {
    return { low: 0, high: 1 };
  }
  const room = low === high ? Math.abs(low) / 2 || 1 : 0;
  return { low: low - room, high: high + room };
}

/** The point nearest to a position from 0 (oldest message) to 1 (newest). */
export function nearest(points: readonly IPoint[], position: number): number {
  if (points.length === 0) {
    return -1;
  }
  const first = points[0].index;
  const wanted = first + position * (points[points.length - 1].index - first);
  let best = 0;
  points.forEach((point, at) => {
    if (Math.abs(point.index - wanted) < Math.abs(points[best].index - wanted)) {
      best = at;
    }
  });
  return best;
}

/** A number as short as it can be read: at most so many digits that count. */
export function shortNumber(value: number, digits = 5): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) {
    return value
      .toExponential(2)
      .replace(/\.?0+e/, 'e')
      .replace('e+', 'e');
  }
  return String(Number(value.toPrecision(digits)));
}

function goesUpAndDown(points: readonly IPoint[]): boolean {
  const steps = points.slice(1).map((point, at) => point.value - points[at].value);
  return steps.some(step => step > 0) && steps.some(step => step < 0);
}

function collect(value: unknown, path: string[], found: Set<string>): void {
  if (found.size >= MOST_FIELDS) {
    return;
  }
  if (typeof value === 'number') {
    found.add(path.join('\u0000'));
  } else if (isObject(value) && path.length < DEEPEST) {
    for (const [key, inner] of Object.entries(value)) {
      collect(inner, [...path, key], found);
    }
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
