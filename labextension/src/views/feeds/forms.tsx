import type { ReactElement } from 'react';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IFormProps } from '../parts/dialogs';
import { TextField } from '../parts/fields';

type Form<V> = (props: IFormProps<V>) => ReactElement;

/** A feed to make. */
export function createForm(trans: TranslationBundle): Form<{ name: string }> {
  return function CreateForm({ values, set, busy }: IFormProps<{ name: string }>): ReactElement {
    return (
      <TextField
        label={trans.__('Name')}
        placeholder={trans.__('night-7')}
        hint={trans.__('For you only; others know the feed by its URI. May be empty.')}
        value={values.name}
        disabled={busy}
        onChange={name => set({ name })}
      />
    );
  };
}

/** A feed of another node to follow. */
export function followForm(trans: TranslationBundle): Form<{ uri: string }> {
  return function FollowForm({ values, set, busy }: IFormProps<{ uri: string }>): ReactElement {
    return (
      <TextField
        label={trans.__('URI')}
        placeholder="feed://…"
        hint={trans.__(
          'Of a feed or a subfeed. It is looked for on your channels, and a verified copy is kept here.'
        )}
        lines={3}
        value={values.uri}
        disabled={busy}
        onChange={uri => set({ uri })}
      />
    );
  };
}
