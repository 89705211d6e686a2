import { describe, expect, it } from 'vitest';
import { type IWanted, sharedHeights } from './heights';

const list = (content: number, share = 1): IWanted => ({ least: 30, content, fills: false, share });
const table = (share = 1, least = 100): IWanted => ({ least, content: 100, fills: true, share });

describe('the height of the sidebar', () => {
  it.each<[string, number, IWanted[], number[]]>([
    ['goes to what can use it', 700, [list(40), table(), list(60)], [40, 600, 60]],
    ['is shared where there is not room for all', 600, [list(900), table()], [300, 300]],
    ['is shared as sections are meant to be', 600, [list(900, 0.5), table()], [200, 400]],
    [
      'is left to the others by who needs less than their share',
      700,
      [list(400, 0.5), table(), list(40), table(2)],
      [94, 189, 40, 377]
    ],
    [
      'is at least what a section needs',
      600,
      [list(300, 0.5), table(), table(1, 320)],
      [93, 187, 320]
    ],
    ['is not too low for a line', 600, [list(10), table()], [30, 570]],
    ['is too little for all', 300, [list(900), table(1, 400)], [30, 400]],
    ['ends with the last one if nobody needs it', 500, [list(40), list(60)], [40, 460]],
    ['is for nobody while nothing is open', 500, [], []]
  ])('%s', (_, height, wanted, heights) => {
    expect(sharedHeights(height, wanted).map(Math.round)).toEqual(heights);
  });

  it('is given away to the last pixel', () => {
    const heights = sharedHeights(713, [list(350, 0.45), table(), list(30), table(1.4)]);
    expect(heights.reduce((sum, one) => sum + one)).toBeCloseTo(713);
  });
});
