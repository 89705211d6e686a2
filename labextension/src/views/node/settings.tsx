import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReactElement } from 'react';
import type { ISetting } from '../../node/nodeTypes';
import { bytes } from '../parts/format';

/** With which settings it runs, for who wants to know. */
export function Settings(props: {
  settings: readonly ISetting[];
  trans: TranslationBundle;
}): ReactElement | null {
  const { settings, trans } = props;
  if (settings.length === 0) {
    return null;
  }
  return (
    <details className="kachery-Node-settings">
      <summary>{trans.__('Settings of the node')}</summary>
      <dl className="kachery-Node-facts">
        {settings.map(setting => (
          <div key={setting.name} title={setting.help}>
            <dt>{setting.name}</dt>
            <dd>
              {worded(setting)} <small>({setting.source})</small>
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

function worded({ value, unit }: ISetting): string {
  if (unit === 'bytes' && typeof value === 'number') {
    return bytes(value);
  }
  const text = typeof value === 'string' ? value || '–' : JSON.stringify(value);
  return unit ? `${text} ${unit}` : text;
}
