import type { IChannel, IMember } from '../../models/channels';

/** What the views of channels have done for them: it needs dialogs, or the clipboard. */
export interface IChannelActions {
  create(): void;
  join(): void;
  copyNodeId(): void;
  invite(channel: IChannel): void;
  /** Put a member out, once the person has confirmed it. */
  revoke(channel: IChannel, member: IMember): void;
  /** Leave, or give up for everybody as its owner, once the person has confirmed it. */
  leave(channel: IChannel): void;
  copyText(text: string): void;
}
