import type { LabIcon } from '@jupyterlab/ui-components';
import type { MouseEvent, ReactElement } from 'react';

interface IIconButtonProps {
  icon: LabIcon;
  /** What it does; read aloud, and shown when the mouse rests on it. */
  label: string;
  onClick: (event: MouseEvent) => void;
  disabled?: boolean;
  /** For a switch: whether it is on. */
  pressed?: boolean;
  /** For a button that unfolds something: whether it is unfolded. */
  expanded?: boolean;
  /** -1 where the keyboard does the same in another way. */
  tabIndex?: number;
}

/** A small button with a picture. */
export function IconButton(props: IIconButtonProps): ReactElement {
  const { icon, label, onClick, disabled, pressed, expanded, tabIndex } = props;
  return (
    <button
      type="button"
      className="kachery-IconButton"
      title={label}
      aria-label={label}
      aria-pressed={pressed}
      aria-expanded={expanded}
      disabled={disabled}
      tabIndex={tabIndex}
      onClick={onClick}
    >
      <icon.react tag="span" stylesheet="menuItem" aria-hidden="true" />
    </button>
  );
}

/** On or off, at once: `role=switch` with its name beside it. */
export function Switch(props: {
  label: string;
  on: boolean;
  onChange: (on: boolean) => void;
  disabled?: boolean;
  title?: string;
}): ReactElement {
  return (
    <button
      type="button"
      role="switch"
      className="kachery-Switch"
      aria-checked={props.on}
      disabled={props.disabled}
      title={props.title}
      onClick={() => props.onChange(!props.on)}
    >
      <span className="kachery-Switch-track" aria-hidden="true" />
      {props.label}
    </button>
  );
}
