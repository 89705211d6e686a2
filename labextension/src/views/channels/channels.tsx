import { useEffect, type ReactElement } from 'react';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ChannelsModel, IChannel } from '../../models/channels';
import type { Memory } from '../../models/memory';
import { moveAmong } from '../parts/arrowKeys';
import { Empty, Stateful } from '../parts/states';
import { useSignal } from '../parts/useSignal';
import type { IChannelActions } from './actions';
import { Channel } from './channel';

export interface IChannelsProps {
  model: ChannelsModel;
  memory: Memory;
  actions: IChannelActions;
  trans: TranslationBundle;
}

const OPEN = 'channels.open';

/** The section Channels: with whom this node shares. */
export function Channels(props: IChannelsProps): ReactElement {
  const { model, memory, actions, trans } = props;
  useSignal(model.changed);
  useEffect(() => {
    void memory.ready.then(() => {
      memory.get<string[]>(OPEN, []).forEach(channel => void model.open(channel, true));
    });
  }, [model, memory]);
  const open = (channel: IChannel, isOpen: boolean): void => {
    void model.open(channel.channel_id, isOpen);
    const ids = model.channels.map(one => one.channel_id);
    memory.set(
      OPEN,
      ids.filter(id => model.isOpen(id))
    );
  };
  return (
    <Stateful model={model} trans={trans} known={model.channels.length > 0}>
      {() =>
        model.channels.length > 0 ? (
          <ul
            className="kachery-Channels"
            aria-label={trans.__('Channels')}
            onKeyDown={event => moveAmong(event, '.kachery-Entry')}
          >
            {model.channels.map(channel => (
              <Channel
                key={channel.channel_id}
                {...props}
                channel={channel}
                onOpen={isOpen => open(channel, isOpen)}
              />
            ))}
          </ul>
        ) : (
          <NoChannels actions={actions} trans={trans} />
        )
      }
    </Stateful>
  );
}

/** Both ways to a first channel. */
function NoChannels(props: { actions: IChannelActions; trans: TranslationBundle }): ReactElement {
  const { actions, trans } = props;
  return (
    <Empty
      title={trans.__('No channels yet')}
      hint={trans.__(
        'Nodes in a channel share files and feeds. Paste an invitation, or create a channel and invite others. Who invites you needs your node id.'
      )}
    >
      <button
        type="button"
        className="kachery-Button kachery-mod-main"
        onClick={() => actions.join()}
      >
        {trans.__('Join…')}
      </button>
      <button type="button" className="kachery-Button" onClick={() => actions.create()}>
        {trans.__('Create…')}
      </button>
      <button type="button" className="kachery-Button" onClick={() => actions.copyNodeId()}>
        {trans.__('Copy node id')}
      </button>
    </Empty>
  );
}
