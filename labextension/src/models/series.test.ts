import { describe, expect, it } from 'vitest';
import {
  bestField,
  extentOf,
  fieldLabel,
  nearest,
  numericFields,
  pointsOf,
  shortNumber
} from './series';
import type { ITailed } from './tail';

function tailed(messages: unknown[]): ITailed[] {
  return messages.map((message, at) => ({ index: 10 + at, message }));
}

describe('numeric fields of messages', () => {
  const messages = tailed([
    { t: 1, at: { x: 2.5, name: 'A' }, tags: [1, 2] },
    { t: 2, at: { x: 9 } },
    { t: 3, note: 'no x here' },
    { t: 4, at: { x: 1 } }
  ]);

  it('are found by path', () => {
    expect(numericFields(messages).map(fieldLabel)).toEqual(['t', 'at.x']);
  });

  it('give points where a message has them', () => {
    const [, x] = numericFields(messages);
    expect(pointsOf(messages, x)).toEqual([
      { index: 10, value: 2.5 },
      { index: 11, value: 9 },
      { index: 13, value: 1 }
    ]);
  });

  it('the first that is neither a counter nor a time is drawn first', () => {
    const timed = tailed([0, 3, 1].map((volt, at) => ({ n: at, at: 1.8e9 + at * at, volt })));
    expect(bestField(timed, numericFields(timed))).toBe('volt');
    expect(fieldLabel(bestField(messages, numericFields(messages))!)).toBe('at.x');
    expect(bestField(tailed([{ n: 1 }, { n: 2 }]), ['n'])).toBe('n');
    expect(bestField([], [])).toBeNull();
  });

  it('messages that are numbers themselves have one field', () => {
    const numbers = tailed([1, 2, 4]);
    expect(numericFields(numbers)).toEqual(['']);
    expect(pointsOf(numbers, '').map(point => point.value)).toEqual([1, 2, 4]);
  });

  it('hostile messages do no harm', () => {
    const deep = tailed(['{'.repeat(9), null, [], { __proto__: { x: 1 } }, { '': {} }]);
    expect(pointsOf(deep, 'constructor')).toEqual([]);
    const wide = tailed([Object.fromEntries([...Array(5000).keys()].map(at => [`f${at}`, at]))]);
    expect(numericFields(wide)).toHaveLength(60);
  });
});

describe('what a line goes through', () => {
  it('has room even when all values are the same', () => {
    expect(extentOf([{ index: 0, value: 4 }])).toEqual({ low: 2, high: 6 });
    expect(extentOf([{ index: 0, value: 0 }])).toEqual({ low: -1, high: 1 });
    expect(extentOf([])).toEqual({ low: 0, high: 1 });
  });

  it('knows which point is nearest to the pointer', () => {
    const points = [0, 1, 2, 10].map(index => ({ index, value: index }));
    expect(nearest(points, 0)).toBe(0);
    expect(nearest(points, 0.21)).toBe(2);
    expect(nearest(points, 0.9)).toBe(3);
    expect(nearest([], 0.5)).toBe(-1);
  });
});

it('numbers are written as short as they can be read', () => {
  expect(
    [0, 17.25, 1234567, -0.00012345, 3.14159265, 2e9].map(value => shortNumber(value))
  ).toEqual(['0', '17.25', '1.23e6', '-1.23e-4', '3.1416', '2e9']);
});
