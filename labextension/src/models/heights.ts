/** What one section of the sidebar would have of the height there is; in px. */
export interface IWanted {
  /** How high it is in any case. */
  least: number;
  /** How high its content is. */
  content: number;
  /** Whether it can use more than that. */
  fills: boolean;
  /** What it gets, compared with the others, where there is not room for all. */
  share: number;
}

/**
 * Share a height (px): everybody gets their least, and nobody more than their content needs while
 * others can use it.
 *
 * What nobody can use goes to the last one, such that all others stand close together.
 */
export function sharedHeights(height: number, wanted: readonly IWanted[]): number[] {
  const heights = wanted.map(() => 0);
  let open = wanted.map((_, index) => index);
  let left = height;
  while (open.length > 0) {
    const shares = open.reduce((sum, index) => sum + wanted[index].share, 0);
    const fair = (index: number): number => (left * wanted[index].share) / shares;
    const needy = open.filter(index => wanted[index].least > fair(index));
    const settled =
      needy.length > 0 ? needy : open.filter(index => mostOf(wanted[index]) <= fair(index));
    if (settled.length === 0) {
      open.forEach(index => (heights[index] = fair(index)));
      return heights;
    }
    for (const index of settled) {
      const { least } = wanted[index];
      heights[index] = needy.length > 0 ? least : Math.max(least, mostOf(wanted[index]));
    }
    left = Math.max(0, left - settled.reduce((sum, index) => sum + heights[index], 0));
    open = open.filter(index => !settled.includes(index));
  }
  if (heights.length > 0) {
    heights[heights.length - 1] += left;
  }
  return heights;
}

function mostOf({ content, fills }: IWanted): number {
  return fills ? Infinity : content;
}
