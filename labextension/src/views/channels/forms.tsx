import type { ReactElement } from 'react';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IChannel, IWish } from '../../models/channels';
import { CheckField, TextField } from '../parts/fields';
import type { IFormProps } from '../parts/dialogs';
import { RoleGrid } from './roleGrid';
import { channelLabel } from './words';

type Form<V> = (props: IFormProps<V>) => ReactElement;

/** What a new channel needs. */
export interface INewChannel {
  name: string;
  hub: string;
}

/** A channel to make. */
export function createForm(trans: TranslationBundle): Form<INewChannel> {
  return function CreateForm({ values, set, busy }: IFormProps<INewChannel>): ReactElement {
    return (
      <>
        <TextField
          label={trans.__('Name')}
          placeholder={trans.__('lab')}
          hint={trans.__(
            'Members see it. You own the channel: this node decides who belongs to it.'
          )}
          value={values.name}
          disabled={busy}
          onChange={name => set({ name })}
        />
        <TextField
          label={trans.__('URL of the hub')}
          placeholder="tls://hub.example.org:7422/…"
          hint={trans.__(
            'The command “kachery hub start” prints it, on a computer that all members reach.'
          )}
          value={values.hub}
          disabled={busy}
          onChange={hub => set({ hub })}
        />
      </>
    );
  };
}

/** An invitation to accept. */
export function joinForm(
  trans: TranslationBundle,
  nodeId: string,
  onCopy: () => void
): Form<{ text: string }> {
  return function JoinForm({ values, set, busy }: IFormProps<{ text: string }>): ReactElement {
    return (
      <>
        <TextField
          label={trans.__('Invitation')}
          placeholder="kachery-invitation-1.…"
          hint={trans.__('The owner of the channel makes it for this node only.')}
          lines={5}
          value={values.text}
          disabled={busy}
          onChange={text => set({ text })}
        />
        <p className="kachery-NodeId">
          <span>{trans.__('This node:')}</span>
          <code title={nodeId}>{nodeId}</code>
          <button type="button" className="kachery-Button" onClick={onCopy}>
            {trans.__('Copy')}
          </button>
        </p>
      </>
    );
  };
}

/** A node to invite. */
export function inviteForm(trans: TranslationBundle, channel: IChannel): Form<IWish> {
  return function InviteForm({ values, set, busy }: IFormProps<IWish>): ReactElement {
    return (
      <>
        <TextField
          label={trans.__('Node id')}
          placeholder={trans.__('64 hex digits')}
          hint={trans.__('The other person copies it with “Copy node id”, or “kachery node id”.')}
          value={values.node_id}
          disabled={busy}
          onChange={node_id => set({ node_id })}
        />
        <TextField
          label={trans.__('Name')}
          placeholder={trans.__('what you call it; may be empty')}
          value={values.name}
          disabled={busy}
          onChange={name => set({ name })}
        />
        <RoleGrid
          trans={trans}
          label={trans.__('Roles on %1', channelLabel(channel))}
          heading={trans.__('Roles')}
          chosen={values.roles}
          isBusy={busy}
          onChange={roles => set({ roles })}
        />
        <CheckField
          label={trans.__('May be an archive')}
          hint={trans.__('It may keep what passes, so that it is there while others are off.')}
          checked={values.is_archive}
          disabled={busy}
          onChange={is_archive => set({ is_archive })}
        />
      </>
    );
  };
}

/** The invitation, to be sent to whom it is for. */
export function Invitation(props: { text: string; trans: TranslationBundle }): ReactElement {
  const { text, trans } = props;
  return (
    <TextField
      label={trans.__('Send this to the person you invite')}
      hint={trans.__(
        'By any way: only that node can open it. It is not shown again; if it gets lost, invite the node once more.'
      )}
      lines={6}
      value={text}
      readOnly
      onChange={() => undefined}
    />
  );
}
