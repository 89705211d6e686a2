import { useId, type ReactElement, type ReactNode } from 'react';

interface IFieldProps {
  label: string;
  /** A line below that says what to write. */
  hint?: string;
  disabled?: boolean;
}

/** One line or several. */
export function TextField(
  props: IFieldProps & {
    value: string;
    onChange: (value: string) => void;
    placeholder?: string;
    lines?: number;
    readOnly?: boolean;
  }
): ReactElement {
  const id = useId();
  const { value, onChange, placeholder, lines = 1, readOnly, disabled, hint } = props;
  const shared = {
    id,
    className: 'jp-mod-styled kachery-Field-input',
    value,
    placeholder,
    readOnly,
    disabled,
    spellCheck: false,
    'aria-describedby': hint ? `${id}-hint` : undefined
  };
  return (
    <Labelled id={id} label={props.label} hint={hint}>
      {lines > 1 ? (
        <textarea {...shared} rows={lines} onChange={event => onChange(event.target.value)} />
      ) : (
        <input {...shared} type="text" onChange={event => onChange(event.target.value)} />
      )}
    </Labelled>
  );
}

/** One of several. */
export function ChoiceField(
  props: IFieldProps & {
    value: string;
    onChange: (value: string) => void;
    choices: readonly { value: string; label: string }[];
  }
): ReactElement {
  const id = useId();
  return (
    <Labelled id={id} label={props.label} hint={props.hint}>
      <select
        id={id}
        className="jp-mod-styled kachery-Field-input"
        value={props.value}
        disabled={props.disabled}
        aria-describedby={props.hint ? `${id}-hint` : undefined}
        onChange={event => props.onChange(event.target.value)}
      >
        {props.choices.map(({ value, label }) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </Labelled>
  );
}

/** Yes or no. */
export function CheckField(
  props: IFieldProps & { checked: boolean; onChange: (checked: boolean) => void }
): ReactElement {
  const id = useId();
  return (
    <div className="kachery-CheckField">
      <input
        id={id}
        type="checkbox"
        className="jp-mod-styled"
        checked={props.checked}
        disabled={props.disabled}
        aria-describedby={props.hint ? `${id}-hint` : undefined}
        onChange={event => props.onChange(event.target.checked)}
      />
      <label htmlFor={id}>{props.label}</label>
      <Hint id={id} text={props.hint} />
    </div>
  );
}

function Labelled(props: {
  id: string;
  label: string;
  hint?: string;
  children: ReactNode;
}): ReactElement {
  return (
    <div className="kachery-Field">
      <label htmlFor={props.id}>{props.label}</label>
      {props.children}
      <Hint id={props.id} text={props.hint} />
    </div>
  );
}

function Hint(props: { id: string; text?: string }): ReactElement | null {
  return props.text ? (
    <p className="kachery-Field-hint" id={`${props.id}-hint`}>
      {props.text}
    </p>
  ) : null;
}
