import { HTMLSelect, InputGroup } from '@jupyterlab/ui-components';
import { type ReactElement, useEffect, useState } from 'react';
import { useSignal } from '../parts/useSignal';
import type { IFilesContext } from './actions';
import { kinds } from './facts';

/** Which files are shown. */
export function Toolbar({ context }: { context: IFilesContext }): ReactElement {
  const { files, trans } = context;
  useSignal(files.changed);
  const options = kinds(trans).map(([value, label]) => ({ value, label }));
  return (
    <div className="kachery-Files-toolbar" role="search" aria-label={trans.__('Files')}>
      <Search context={context} />
      <HTMLSelect
        className="kachery-Files-kinds"
        aria-label={trans.__('Kind')}
        value={files.query.kind}
        options={[{ value: '', label: trans.__('All kinds') }, ...options]}
        onChange={event => files.setQuery({ kind: event.target.value })}
      />
    </div>
  );
}

/** What is typed is shown at once, and searched for a moment later. */
function Search({ context }: { context: IFilesContext }): ReactElement {
  const { files, trans } = context;
  const [text, setText] = useState(files.query.search);
  const { search } = files.query;
  useEffect(() => setText(search), [search]);
  const change = (value: string) => {
    setText(value);
    files.setQuery({ search: value });
  };
  return (
    <InputGroup
      className="kachery-Files-search"
      type="search"
      aria-label={trans.__('Search files')}
      placeholder={trans.__('Search files')}
      rightIcon="ui-components:search"
      value={text}
      onChange={event => change(event.target.value)}
      onKeyDown={event => {
        if (event.key === 'Escape' && text) {
          event.stopPropagation();
          change('');
        }
      }}
    />
  );
}
