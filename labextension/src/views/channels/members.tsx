import { useState, type ReactElement } from 'react';
import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretRightIcon, copyIcon } from '@jupyterlab/ui-components';
import type { ChannelsModel, IChannel, IMember } from '../../models/channels';
import { sameRoles } from '../../models/roles';
import { IconButton } from '../parts/buttons';
import { CheckField } from '../parts/fields';
import { Failure, Loading } from '../parts/states';
import { useAction } from '../parts/useAction';
import type { IChannelActions } from './actions';
import { RoleGrid } from './roleGrid';
import { channelLabel, memberLabel, rolesText } from './words';

interface IMembersProps {
  model: ChannelsModel;
  channel: IChannel;
  actions: IChannelActions;
  trans: TranslationBundle;
}

/** Who belongs to a channel: the owner sees all, others those who are there. */
export function Members(props: IMembersProps): ReactElement {
  const { model, channel, actions, trans } = props;
  const { members, error } = model.members(channel.channel_id);
  return (
    <section className="kachery-Part" aria-label={trans.__('Members of %1', channelLabel(channel))}>
      <header>
        <h4>{trans.__('Members')}</h4>
        {channel.is_owner && (
          <button type="button" className="kachery-Button" onClick={() => actions.invite(channel)}>
            {trans.__('Invite…')}
          </button>
        )}
      </header>
      {error && (
        <Failure error={error} trans={trans} onRetry={() => void model.retry(channel.channel_id)} />
      )}
      {!members && !error && <Loading trans={trans} />}
      {members && (
        <ul className="kachery-Members">
          {members.map(member => (
            <Member key={member.node_id} {...props} member={member} />
          ))}
        </ul>
      )}
      {members && !channel.is_owner && (
        <p className="kachery-Note">{trans.__('You see the members who are connected now.')}</p>
      )}
    </section>
  );
}

function Member(props: IMembersProps & { member: IMember }): ReactElement {
  const { member, trans } = props;
  const [isOpen, setOpen] = useState(false);
  const Caret = isOpen ? caretDownIcon : caretRightIcon;
  const presence = member.is_present ? trans.__('connected') : trans.__('not connected');
  return (
    <li>
      <button
        type="button"
        className="kachery-Entry"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        <Caret.react className="kachery-Caret" tag="span" />
        <span
          className="kachery-Dot"
          data-state={member.is_present ? 'connected' : 'away'}
          role="img"
          aria-label={presence}
          title={presence}
        />
        <bdi className="kachery-Entry-label">{memberLabel(member, trans)}</bdi>
        <Badges member={member} trans={trans} />
      </button>
      {member.warning && <p className="kachery-Warning">{member.warning}</p>}
      {isOpen && <MemberDetails {...props} />}
    </li>
  );
}

function Badges(props: { member: IMember; trans: TranslationBundle }): ReactElement {
  const { member, trans } = props;
  return (
    <span className="kachery-Badges">
      {member.is_self && <span className="kachery-Badge">{trans.__('you')}</span>}
      {member.is_owner && <span className="kachery-Badge">{trans.__('owner')}</span>}
      {member.is_archive && (
        <span
          className="kachery-Badge"
          title={
            member.keeps
              ? trans.__('Keeps what passes')
              : trans.__('May keep what passes; does not')
          }
        >
          {trans.__('archive')}
        </span>
      )}
    </span>
  );
}

function MemberDetails(props: IMembersProps & { member: IMember }): ReactElement {
  const { channel, member, actions, trans } = props;
  const isDecided = channel.is_owner && !member.is_owner;
  return (
    <div className="kachery-Details">
      <p className="kachery-NodeId">
        <code title={member.node_id}>{member.node_id}</code>
        <IconButton
          icon={copyIcon}
          label={trans.__('Copy the node id')}
          onClick={() => actions.copyText(member.node_id)}
        />
      </p>
      {isDecided ? (
        <GrantForm {...props} />
      ) : (
        <p className="kachery-Note">{trans.__('Roles: %1', rolesText(member.roles, trans))}</p>
      )}
    </div>
  );
}

/** What the owner grants a member; nothing is sent before it is saved. */
function GrantForm(props: IMembersProps & { member: IMember }): ReactElement {
  const { model, channel, member, actions, trans } = props;
  const [roles, setRoles] = useState(member.roles);
  const [isArchive, setArchive] = useState(member.is_archive);
  const action = useAction();
  const isChanged = !sameRoles(roles, member.roles) || isArchive !== member.is_archive;
  const save = (): Promise<boolean> =>
    action.run(() =>
      model.grant(channel.channel_id, { node_id: member.node_id, roles, is_archive: isArchive })
    );
  return (
    <>
      <RoleGrid
        trans={trans}
        label={trans.__('Roles granted to %1', memberLabel(member, trans))}
        heading={trans.__('Roles')}
        chosen={roles}
        isBusy={action.isBusy}
        onChange={setRoles}
      />
      <CheckField
        label={trans.__('May be an archive')}
        checked={isArchive}
        disabled={action.isBusy}
        onChange={setArchive}
      />
      {action.error && <Failure error={action.error} trans={trans} />}
      <div className="kachery-Buttons">
        <button
          type="button"
          className="kachery-Button kachery-mod-warn"
          onClick={() => actions.revoke(channel, member)}
        >
          {trans.__('Remove…')}
        </button>
        <button
          type="button"
          className="kachery-Button kachery-mod-main"
          disabled={!isChanged || action.isBusy}
          onClick={() => void save()}
        >
          {trans.__('Save roles')}
        </button>
      </div>
    </>
  );
}
