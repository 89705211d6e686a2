import { describe, expect, it } from 'vitest';
import { hexLines, linePath, rangeOf } from './previews';

const BOX = { width: 100, height: 10 };

describe('a line plot', () => {
  it('goes from left to right, the largest value on top', () => {
    expect(linePath([0, 1, 2], { min: 0, max: 2 }, BOX)).toBe('M0.0 10.0L50.0 5.0L100.0 0.0');
  });

  it('is interrupted where there is no number', () => {
    expect(linePath([0, null, 2, NaN, 1], { min: 0, max: 2 }, BOX).match(/M/g)).toHaveLength(3);
  });

  it('of equal values is flat, of one value a dot, of none nothing', () => {
    expect(linePath([3, 3], { min: 3, max: 3 }, BOX)).toBe('M0.0 10.0L100.0 10.0');
    expect(linePath([3], { min: 3, max: 3 }, BOX)).toBe('M0.0 10.0h0.1');
    expect(linePath([], { min: 0, max: 1 }, BOX)).toBe('');
  });

  it('never has more points than a browser draws at once', () => {
    const path = linePath(new Array(100000).fill(1), { min: 0, max: 1 }, BOX);
    expect(path.match(/[ML]/g)?.length).toBe(4000);
  });
});

describe('the range of lines', () => {
  it('leaves out what is no number', () => {
    expect(
      rangeOf([
        [1, null, NaN],
        [-2, Infinity]
      ])
    ).toEqual({ min: -2, max: 1 });
    expect(rangeOf([[null], []])).toBeNull();
  });
});

describe('bytes in hex', () => {
  it('stand in lines of 16, with their text', () => {
    const [first, second] = hexLines('48656c6c6f00'.padEnd(32, '0') + 'ff');
    expect(first.text).toBe('Hello···········');
    expect(second).toEqual({ address: '0010', bytes: 'ff', text: '·' });
  });
});
