import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReactElement } from 'react';
import { linePath, rangeOf } from '../../models/previews';
import type { IArrayPreview } from '../../node/previewTypes';
import { count } from '../parts/format';

const BOX = { width: 400, height: 100 };
/** Lines beyond these many begin again with the first colour. */
const COLOURS = 8;

interface IProps {
  preview: IArrayPreview;
  trans: TranslationBundle;
}

/** Shape and type of an array, and how its values run. */
export function ArrayPreview({ preview, trans }: IProps): ReactElement {
  const { image, lines, labels, values, slice, sampled } = preview;
  const notes = [
    slice ? trans.__('Shown: %1', slice) : '',
    sampled ? trans.__('Some of the values were looked at, not all.') : ''
  ].filter(Boolean);
  return (
    <div className="kachery-Array">
      <Facts preview={preview} trans={trans} />
      {image && <Image image={image} trans={trans} />}
      {lines && lines.length > 0 && <Plot lines={lines} labels={labels ?? []} trans={trans} />}
      {values && <pre className="kachery-Preview-text">{values.join('\n')}</pre>}
      {notes.length > 0 && <p className="kachery-Preview-note">{notes.join(' ')}</p>}
    </div>
  );
}

function Facts({ preview, trans }: IProps): ReactElement {
  const { shape, dtype, nan, inf } = preview;
  return (
    <dl className="kachery-Array-facts">
      <Fact name={trans.__('Shape')} value={shape.map(count).join(' × ') || '–'} />
      <Fact name={trans.__('Type')} value={dtype} />
      <Fact name={trans.__('Range')} value={rangeText(preview)} />
      <Fact name={trans.__('NaN')} value={nan ? count(nan) : ''} />
      <Fact name={trans.__('Infinite')} value={inf ? count(inf) : ''} />
    </dl>
  );
}

function Fact({ name, value }: { name: string; value: string }): ReactElement | null {
  return value ? (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  ) : null;
}

function Image(props: {
  image: NonNullable<IArrayPreview['image']>;
  trans: TranslationBundle;
}): ReactElement {
  const { rows, columns, png } = props.image;
  const alt = props.trans.__('The array as an image of %1 by %2', rows, columns);
  return <img className="kachery-Array-image" src={`data:image/png;base64,${png}`} alt={alt} />;
}

function Plot(props: {
  lines: NonNullable<IArrayPreview['lines']>;
  labels: readonly string[];
  trans: TranslationBundle;
}): ReactElement {
  const { lines, labels, trans } = props;
  const range = rangeOf(lines);
  if (!range) {
    return <p className="kachery-Preview-note">{trans.__('No numbers to plot.')}</p>;
  }
  return (
    <div className="kachery-Plot">
      <div className="kachery-Plot-axis" aria-hidden="true">
        <span>{short(range.max)}</span>
        <span>{short(range.min)}</span>
      </div>
      <svg
        role="img"
        aria-label={trans._n('A plot of %1 line', 'A plot of %1 lines', lines.length)}
        viewBox={`0 -2 ${BOX.width} ${BOX.height + 4}`}
        preserveAspectRatio="none"
      >
        {lines.map((line, index) => (
          <path
            key={index}
            className={`kachery-Plot-line kachery-mod-line${index % COLOURS}`}
            d={linePath(line, range, BOX)}
          />
        ))}
      </svg>
      {labels.length > 0 && (
        <p className="kachery-Plot-labels">
          {labels.map((label, index) => (
            <span key={index} className={`kachery-mod-line${index % COLOURS}`}>
              {label}
            </span>
          ))}
        </p>
      )}
    </div>
  );
}

function rangeText({ min, max }: IArrayPreview): string {
  return min == null || max == null ? '' : `${shown(min)} … ${shown(max)}`;
}

function shown(value: number | string): string {
  return typeof value === 'number' ? short(value) : value;
}

/** A number in a few characters. */
function short(value: number): string {
  return String(Number(value.toPrecision(6)));
}
