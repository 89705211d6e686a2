import type { TranslationBundle } from '@jupyterlab/translation';
import type { IChannel, IMember } from '../../models/channels';
import { topicsOf, type Role } from '../../models/roles';
import { visible } from '../../models/visible';
import { topicName } from './roleGrid';

/** How a channel is, in one or two words. */
export function stateText(channel: IChannel, trans: TranslationBundle): string {
  switch (channel.state) {
    case 'connected':
      return channel.present > 0
        ? trans._n('%1 other here', '%1 others here', channel.present)
        : trans.__('nobody else');
    case 'connecting':
      return trans.__('connecting…');
    case 'revoked':
      return trans.__('revoked');
    case 'expired':
      return trans.__('expired');
  }
}

/** The same as a sentence, for a tooltip and screen readers. */
export function stateSentence(channel: IChannel, trans: TranslationBundle): string {
  switch (channel.state) {
    case 'connected':
      return trans._n(
        'Connected; one other member is here.',
        'Connected; %1 other members are here.',
        channel.present
      );
    case 'connecting':
      return trans.__('The hub is not reached; this node goes on trying.');
    case 'revoked':
      return trans.__('The owner removed this node from the channel.');
    case 'expired':
      return trans.__('The membership ended; ask the owner for a new invitation.');
  }
}

/** What a channel is called. */
export function channelLabel({ name, channel_id }: IChannel): string {
  return visible(name) || `${channel_id.slice(0, 10)}…`;
}

/** What a member is called. */
export function memberLabel(member: IMember, trans: TranslationBundle): string {
  if (member.name) {
    return visible(member.name);
  }
  return member.is_self ? trans.__('This node') : `${member.node_id.slice(0, 10)}…`;
}

/** Which roles a member has, in a few words: `Files ⇅ Feeds ↓`. */
export function rolesText(roles: readonly Role[], trans: TranslationBundle): string {
  const words = topicsOf(roles).map(({ topic, request, provide }) => {
    const name = topicName(topic, trans);
    if (request && provide) {
      return name;
    }
    return request ? trans.__('%1 (request)', name) : trans.__('%1 (provide)', name);
  });
  return words.join(', ') || trans.__('no roles');
}

/** The day of a time (seconds since 1970), in the browser's language. */
export function dayText(time: number): string {
  return new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' }).format(time * 1000);
}
