import { useMemo, useState, type ReactElement } from 'react';
import type { TranslationBundle } from '@jupyterlab/translation';
import { bestField, fieldLabel, numericFields, pointsOf } from '../../models/series';
import type { ITailed } from '../../models/tail';
import { Chart } from './chart';

interface IChartsProps {
  messages: readonly ITailed[];
  trans: TranslationBundle;
}

/** Lines of the numeric fields that are chosen; nothing if messages have no numbers. */
export function Charts(props: IChartsProps): ReactElement | null {
  const { messages, trans } = props;
  const fields = useMemo(() => numericFields(messages), [messages]);
  const [chosen, setChosen] = useState<readonly string[] | null>(null);
  const best = useMemo(
    () => (chosen ? null : bestField(messages, fields)),
    [chosen, messages, fields]
  );
  if (fields.length === 0) {
    return null;
  }
  const shown = chosen ?? (best === null ? [] : [best]);
  const toggle = (field: string): void =>
    setChosen(shown.includes(field) ? shown.filter(one => one !== field) : [...shown, field]);
  return (
    <div className="kachery-Charts">
      <div className="kachery-Picker" role="group" aria-label={trans.__('Fields to draw')}>
        {fields.map(field => (
          <button
            key={field}
            type="button"
            className="kachery-Pick"
            aria-pressed={shown.includes(field)}
            onClick={() => toggle(field)}
          >
            <bdi>{labelOf(field, trans)}</bdi>
          </button>
        ))}
      </div>
      {shown.map(field => (
        <Line key={field} field={field} messages={messages} trans={trans} />
      ))}
    </div>
  );
}

function Line(props: IChartsProps & { field: string }): ReactElement {
  const { messages, field, trans } = props;
  const points = useMemo(() => pointsOf(messages, field), [messages, field]);
  return <Chart points={points} label={labelOf(field, trans)} trans={trans} />;
}

function labelOf(field: string, trans: TranslationBundle): string {
  return fieldLabel(field) || trans.__('value');
}
