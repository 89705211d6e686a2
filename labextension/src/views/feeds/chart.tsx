import * as React from 'react';
import type { TranslationBundle } from '@jupyterlab/translation';
import { extentOf, nearest, shortNumber } from '../../models/series';
import type { IExtent, IPoint } from '../../models/series';

interface IChartProps {
  trans: TranslationBundle;
  label: string;
  points: readonly IPoint[];
}

// Coordinates inside of the drawing; it is stretched to the room there is.
const WIDTH = 1000;
const HEIGHT = 100;

/** One field of a feed's messages as a line; a cursor reads single values, by pointer or arrow keys. */
export function Chart(props: IChartProps): React.ReactElement {
  const { trans, label, points } = props;
  const [cursor, setCursor] = React.useState<number | null>(null);
  const extent = React.useMemo(() => extentOf(points), [points]);
  const last = points.length - 1;
  const at = cursor === null ? last : Math.min(cursor, last);
  const point = points[at];
  return (
    <figure className="kachery-Chart">
      <figcaption>
        <span className="kachery-Chart-label" title={label}>
          <bdi>{label}</bdi>
        </span>
        <output className="kachery-Chart-value" aria-live="off">
          {cursor !== null && point && <span>{trans.__('#%1', point.index)}</span>}
          {point ? shortNumber(point.value) : '–'}
        </output>
      </figcaption>
      <div className="kachery-Chart-frame">
        <div className="kachery-Chart-scale" aria-hidden="true">
          <span>{shortNumber(extent.high, 3)}</span>
          <span>{shortNumber(extent.low, 3)}</span>
        </div>
        <div
          className="kachery-Chart-plot"
          tabIndex={0}
          role="slider"
          aria-label={trans.__('Values of %1', label)}
          aria-orientation="horizontal"
          aria-valuemin={0}
          aria-valuemax={Math.max(last, 0)}
          aria-valuenow={Math.max(at, 0)}
          aria-valuetext={
            point ? trans.__('Message %1: %2', point.index, shortNumber(point.value)) : undefined
          }
          onPointerMove={event => setCursor(nearest(points, positionIn(event)))}
          onPointerLeave={() => setCursor(null)}
          onBlur={() => setCursor(null)}
          onKeyDown={event => {
            const moved = moveTo(event.key, at, last);
            if (moved !== null) {
              event.preventDefault();
              setCursor(moved);
            }
          }}
        >
          <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
            <path className="kachery-Chart-grid" d={`M0 0H${WIDTH}M0 ${HEIGHT}H${WIDTH}`} />
            <path className="kachery-Chart-line" d={lineThrough(points, extent)} />
          </svg>
          {point && <Marker points={points} at={at} extent={extent} isCursor={cursor !== null} />}
        </div>
      </div>
    </figure>
  );
}

function Marker(props: {
  points: readonly IPoint[];
  at: number;
  extent: IExtent;
  isCursor: boolean;
}): React.ReactElement {
  const { x, y } = place(props.points, props.at, props.extent);
  const left = `${(100 * x) / WIDTH}%`;
  return (
    <>
      {props.isCursor && <span className="kachery-Chart-cursor" style={{ left }} />}
      <span className="kachery-Chart-dot" style={{ left, top: `${(100 * y) / HEIGHT}%` }} />
    </>
  );
}

/** The path through all points; a single one has none. */
export function lineThrough(points: readonly IPoint[], extent: IExtent): string {
  return points
    .map((_, at) => {
      const { x, y } = place(points, at, extent);
      return `${at ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(2)}`;
    })
    .join('');
}

function place(points: readonly IPoint[], at: number, extent: IExtent): { x: number; y: number } {
  const first = points[0].index;
  const span = points[points.length - 1].index - first;
  const share = (points[at].value - extent.low) / (extent.high - extent.low);
  return {
    x: span ? (WIDTH * (points[at].index - first)) / span : WIDTH,
    y: HEIGHT * (1 - share)
  };
}

function positionIn(event: React.PointerEvent<HTMLElement>): number {
  const box = event.currentTarget.getBoundingClientRect();
  return box.width ? (event.clientX - box.left) / box.width : 1;
}

function moveTo(key: string, at: number, last: number): number | null {
  const moves: Record<string, number> = {
    ArrowLeft: at - 1,
    ArrowRight: at + 1,
    ArrowDown: at - 1,
    ArrowUp: at + 1,
    PageDown: at - 10,
    PageUp: at + 10,
    Home: 0,
    End: last
  };
  return key in moves ? Math.max(0, Math.min(last, moves[key])) : null;
}
