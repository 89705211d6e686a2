import { type FormEvent, type ReactElement, useEffect, useRef, useState } from 'react';
import { isContentUri } from '../../models/transfer';
import type { IFilesContext } from './actions';

/** Paste a URI, and its content comes from the channels. */
export function LoadField({ context }: { context: IFilesContext }): ReactElement {
  const { actions, panel, trans } = context;
  const [uri, setUri] = useState('');
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const problem = uri.trim() && !isContentUri(uri) ? trans.__('A URI begins with sha1://') : '';
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!uri.trim() || problem) {
      return;
    }
    setUri('');
    // What did not come is there to be tried again, unless the next one is already typed.
    void actions.load(uri.trim()).then(came => came || setUri(next => next || uri.trim()));
  };
  return (
    <form className="kachery-Files-load" onSubmit={submit}>
      <input
        ref={field}
        className="jp-mod-styled kachery-Field-input"
        type="text"
        spellCheck={false}
        autoComplete="off"
        aria-label={trans.__('URI to load')}
        aria-invalid={Boolean(problem)}
        placeholder={trans.__('Paste a URI: sha1://…')}
        value={uri}
        onChange={event => setUri(event.target.value)}
        onKeyDown={event => {
          if (event.key === 'Escape') {
            event.stopPropagation();
            panel.setLoadField(false);
          }
        }}
      />
      <button type="submit" className="kachery-Button" disabled={!uri.trim() || Boolean(problem)}>
        {trans.__('Load')}
      </button>
      {problem && (
        <p role="alert" className="kachery-Files-problem">
          {problem}
        </p>
      )}
    </form>
  );
}
