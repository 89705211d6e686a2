import type { ReactElement } from 'react';
import { percent } from './format';

/**
 * How far something is, or how full.
 *
 * @param share - From 0 to 1; null when it is not known how much there is.
 * @param text - What is said of it, beside the bar and to screen readers.
 */
export function Meter(props: {
  label: string;
  share: number | null;
  text?: string;
  role?: 'progressbar' | 'meter';
}): ReactElement {
  const { label, share, text, role = 'progressbar' } = props;
  const known = share === null ? null : Math.min(1, Math.max(0, share));
  const said = known === null ? {} : { now: Math.round(known * 100), text: percent(known) };
  const full = role === 'meter' && known !== null && known > 0.9;
  return (
    <div
      className={full ? 'kachery-Meter kachery-mod-full' : 'kachery-Meter'}
      role={role}
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={said.now}
      aria-valuetext={text ?? said.text}
    >
      {known === null ? (
        <div className="kachery-Meter-bar kachery-mod-unknown" />
      ) : (
        <div className="kachery-Meter-bar" style={{ width: `${known * 100}%` }} />
      )}
    </div>
  );
}
