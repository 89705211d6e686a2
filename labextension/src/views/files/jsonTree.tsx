import type { ReactElement } from 'react';

/** Deeper than this everything is folded at first. */
const OPEN_DEPTH = 2;
/** Longer collections are folded at first. */
const OPEN_LENGTH = 20;

/** A JSON value as a tree that unfolds; what the server cut is not in it. */
export function JsonTree({ value }: { value: unknown }): ReactElement {
  return (
    <div className="kachery-Json">
      <Node value={value} depth={0} />
    </div>
  );
}

function Node(props: { name?: string; value: unknown; depth: number }): ReactElement {
  const { name, value, depth } = props;
  const entries = entriesOf(value);
  if (!entries || entries.length === 0) {
    return (
      <div className="kachery-Json-leaf">
        <Name name={name} />
        <Leaf value={value} />
      </div>
    );
  }
  const isOpen = depth === 0 || (depth < OPEN_DEPTH && entries.length <= OPEN_LENGTH);
  return (
    <details className="kachery-Json-branch" open={isOpen}>
      <summary>
        <Name name={name} />
        <span className="kachery-Json-size">
          {Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`}
        </span>
      </summary>
      {entries.map(([key, one]) => (
        <Node key={key} name={key} value={one} depth={depth + 1} />
      ))}
    </details>
  );
}

function Name({ name }: { name?: string }): ReactElement | null {
  return name === undefined ? null : <span className="kachery-Json-name">{name}: </span>;
}

function Leaf({ value }: { value: unknown }): ReactElement {
  const kind = value === null ? 'null' : typeof value;
  return <span className={`kachery-Json-${kind}`}>{JSON.stringify(value)}</span>;
}

function entriesOf(value: unknown): [string, unknown][] | null {
  return typeof value === 'object' && value !== null ? Object.entries(value) : null;
}
