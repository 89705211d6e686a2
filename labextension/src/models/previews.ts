/** What previews look like, worked out: lines as SVG paths, bytes as text. */

/** The largest polyline that a browser draws without a stutter, whatever the server sends. */
const MOST_POINTS = 4000;

/** SVG path data of a line in a box of `width` by `height`; values that are none interrupt it. */
export function linePath(
  line: readonly (number | null)[],
  range: { min: number; max: number },
  box: { width: number; height: number }
): string {
  const values = line.slice(0, MOST_POINTS);
  const step = values.length > 1 ? box.width / (values.length - 1) : 0;
  const span = range.max - range.min || 1;
  let isDown = false;
  const parts: string[] = [];
  values.forEach((value, index) => {
    if (value === null || !Number.isFinite(value)) {
      isDown = false;
      return;
    }
    const x = (index * step).toFixed(1);
    const y = (box.height - ((value - range.min) / span) * box.height).toFixed(1);
    parts.push(`${isDown ? 'L' : 'M'}${x} ${y}`);
    isDown = true;
  });
  // A lone point has no line; a stroke of no length with round ends is a dot.
  return parts.length === 1 ? `${parts[0]}h0.1` : parts.join('');
}

/** The smallest and largest value of some lines; null if there is none. */
export function rangeOf(
  lines: readonly (readonly (number | null)[])[]
): { min: number; max: number } | null {
  let [min, max] = [Infinity, -Infinity];
  for (const line of lines) {
    for (const value of line) {
      if (value !== null && Number.isFinite(value)) {
        min = Math.min(min, value);
        max = Math.max(max, value);
      }
    }
  }
  return min <= max ? { min, max } : null;
}

/** `00 01 …` in lines of 16 bytes with their address and what of them is text. */
export function hexLines(hex: string): { address: string; bytes: string; text: string }[] {
  const pairs = hex.match(/[0-9a-f]{2}/gi) ?? [];
  const lines = [];
  for (let start = 0; start < pairs.length; start += 16) {
    const some = pairs.slice(start, start + 16);
    lines.push({
      address: start.toString(16).padStart(4, '0'),
      bytes: some.join(' '),
      text: some.map(printable).join('')
    });
  }
  return lines;
}

function printable(pair: string): string {
  const code = parseInt(pair, 16);
  return code > 31 && code < 127 ? String.fromCharCode(code) : '·';
}
