import * as React from 'react';
import type { TranslationBundle } from '@jupyterlab/translation';
import { SIDES, TOPICS, roleOf, withRole } from '../../models/roles';
import type { Role, Side, Topic } from '../../models/roles';

interface IRoleGridProps {
  trans: TranslationBundle;
  /** What the whole grid is about, for screen readers. */
  label: string;
  /** What stands over the topics. */
  heading?: string;
  chosen: readonly Role[];
  /** Those that may be chosen; all of them if it is left out. */
  possible?: readonly Role[];
  /** Why the others may not be chosen. */
  reason?: string;
  isBusy?: boolean;
  onChange: (roles: Role[]) => void;
}

/** Roles as checkboxes: a row for each topic, a column for asking and one for answering. */
export function RoleGrid(props: IRoleGridProps): React.ReactElement {
  const { trans } = props;
  return (
    <table className="kachery-RoleGrid" aria-label={props.label} aria-busy={props.isBusy}>
      <thead>
        <tr>
          <td>{props.heading}</td>
          {SIDES.map(side => (
            <th key={side} scope="col">
              {sideName(side, trans)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {TOPICS.map(topic => (
          <tr key={topic}>
            <th scope="row">{topicName(topic, trans)}</th>
            {SIDES.map(side => (
              <td key={side}>
                <RoleBox {...props} side={side} topic={topic} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function RoleBox(props: IRoleGridProps & { side: Side; topic: Topic }): React.ReactElement {
  const { trans, side, topic } = props;
  const role = roleOf(side, topic);
  const isPossible = props.possible?.includes(role) ?? true;
  const name = `${sideName(side, trans)}: ${topicName(topic, trans)}`;
  return (
    <input
      type="checkbox"
      aria-label={name}
      title={isPossible ? roleHelp(side, topic, trans) : props.reason}
      checked={props.chosen.includes(role)}
      disabled={!isPossible || props.isBusy}
      onChange={event => props.onChange(withRole(props.chosen, role, event.target.checked))}
    />
  );
}

/** The word for one side. */
export function sideName(side: Side, trans: TranslationBundle): string {
  return side === 'request' ? trans.__('Request') : trans.__('Provide');
}

/** The word for a topic. */
export function topicName(topic: Topic, trans: TranslationBundle): string {
  return { files: trans.__('Files'), feeds: trans.__('Feeds'), tasks: trans.__('Tasks') }[topic];
}

function roleHelp(side: Side, topic: Topic, trans: TranslationBundle): string {
  const help: Record<Topic, Record<Side, string>> = {
    files: {
      request: trans.__('May load files from other members'),
      provide: trans.__('Lets other members load files of which they have the URI')
    },
    feeds: {
      request: trans.__('May follow feeds of other members'),
      provide: trans.__('Lets other members follow feeds of which they have the URI')
    },
    tasks: {
      request: trans.__('May ask other members to run tasks'),
      provide: trans.__('Runs tasks for other members')
    }
  };
  return help[topic][side];
}
