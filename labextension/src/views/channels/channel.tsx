import { useState, type ReactElement } from 'react';
import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import type { ChannelsModel, IChannel } from '../../models/channels';
import type { Role } from '../../models/roles';
import { visible } from '../../models/visible';
import { Failure } from '../parts/states';
import { useAction } from '../parts/useAction';
import type { IChannelActions } from './actions';
import { Archive } from './archive';
import { Members } from './members';
import { RoleGrid } from './roleGrid';
import { channelLabel, dayText, stateSentence, stateText } from './words';

interface IChannelProps {
  model: ChannelsModel;
  channel: IChannel;
  actions: IChannelActions;
  trans: TranslationBundle;
  onOpen: (isOpen: boolean) => void;
}

/** One channel: a line that says how it is; opened, all there is to say and do about it. */
export function Channel(props: IChannelProps): ReactElement {
  const { model, channel, trans } = props;
  const isOpen = model.isOpen(channel.channel_id);
  const Caret = isOpen ? caretDownIcon : caretRightIcon;
  const id = `kachery-channel-${channel.channel_id}`;
  return (
    <li className="kachery-Channel">
      <button
        type="button"
        className="kachery-Entry"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        data-channel={channel.channel_id}
        title={stateSentence(channel, trans)}
        onClick={() => props.onOpen(!isOpen)}
      >
        <Caret.react className="kachery-Caret" tag="span" />
        <span className="kachery-Dot" data-state={channel.state} aria-hidden="true" />
        <bdi className="kachery-Entry-label">{channelLabel(channel)}</bdi>
        {channel.is_owner && <span className="kachery-Badge">{trans.__('owner')}</span>}
        <span className="kachery-Entry-side" data-state={channel.state}>
          {stateText(channel, trans)}
        </span>
      </button>
      <Trouble channel={channel} trans={trans} />
      {isOpen && (
        <div className="kachery-Details" id={id} role="group" aria-label={channelLabel(channel)}>
          <Facts channel={channel} trans={trans} />
          {!isOver(channel) && (
            <>
              <Members {...props} />
              <OwnRoles {...props} />
            </>
          )}
          {(channel.is_archive || channel.archive) && <Archive {...props} />}
          <Leave {...props} />
        </div>
      )}
    </li>
  );
}

/** Whether this node is no member any more. */
function isOver(channel: IChannel): boolean {
  return channel.state === 'revoked' || channel.state === 'expired';
}

/** What is wrong, in the node's words if it has some. */
function Trouble(props: { channel: IChannel; trans: TranslationBundle }): ReactElement | null {
  const { channel, trans } = props;
  const isEnd = isOver(channel);
  const text = visible(channel.problem) || (isEnd ? stateSentence(channel, trans) : '');
  return text ? (
    <p className={isEnd ? 'kachery-Warning kachery-mod-error' : 'kachery-Warning'}>{text}</p>
  ) : null;
}

function Facts(props: { channel: IChannel; trans: TranslationBundle }): ReactElement {
  const { channel, trans } = props;
  return (
    <dl className="kachery-Facts">
      <dt>{trans.__('Hub')}</dt>
      <dd title={visible(channel.hub)}>{visible(channel.hub)}</dd>
      {!channel.is_owner && channel.state !== 'revoked' && (
        <>
          <dt>{trans.__('Member until')}</dt>
          <dd>{dayText(channel.expires_at)}</dd>
        </>
      )}
    </dl>
  );
}

/** Which of the roles it is granted this node uses. */
function OwnRoles(props: IChannelProps): ReactElement {
  const { model, channel, trans } = props;
  const action = useAction();
  const [wanted, setWanted] = useState<Role[] | null>(null);
  const change = async (roles: Role[]): Promise<void> => {
    setWanted(roles);
    await action.run(() => model.enable(channel, roles));
    setWanted(null);
  };
  return (
    <section className="kachery-Part" aria-label={trans.__('This node')}>
      <RoleGrid
        trans={trans}
        label={trans.__('What this node does on %1', channelLabel(channel))}
        heading={trans.__('This node')}
        chosen={wanted ?? channel.enabled}
        possible={channel.granted}
        reason={trans.__('The owner of the channel has not granted this.')}
        isBusy={action.isBusy}
        onChange={roles => void change(roles)}
      />
      {action.error && <Failure error={action.error} trans={trans} />}
    </section>
  );
}

function Leave(props: IChannelProps): ReactElement {
  const { channel, actions, trans } = props;
  return (
    <div className="kachery-Buttons">
      <button
        type="button"
        className="kachery-Button kachery-mod-warn"
        onClick={() => actions.leave(channel)}
      >
        {channel.is_owner ? trans.__('Abandon channel…') : trans.__('Leave channel…')}
      </button>
    </div>
  );
}
