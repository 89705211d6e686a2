import { Clipboard, Dialog, showDialog } from '@jupyterlab/apputils';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import { pastedNodeId } from '../models/channels';
import type { ChannelsModel, IChannel, IMember, IWish } from '../models/channels';
import { USUAL_ROLES } from '../models/roles';
import type { IChannelActions } from '../views/channels/actions';
import { Invitation, createForm, inviteForm, joinForm } from '../views/channels/forms';
import { channelLabel, memberLabel } from '../views/channels/words';
import { ask, confirm } from '../views/parts/dialogs';
import { attempt, copy, tell } from '../views/parts/notify';

/** What a person does with channels: asked for in dialogs, told in notifications. */
export class ChannelActions implements IChannelActions {
  /** `onOpened` is told of a channel that was made or joined. */
  constructor(
    private readonly _model: ChannelsModel,
    private readonly _trans: TranslationBundle,
    private readonly _onOpened: (channel: IChannel) => void
  ) {}

  create = (): void => void this._create();
  join = (): void => void this._join();
  copyNodeId = (): void => void this._copyNodeId();
  invite = (channel: IChannel): void => void this._invite(channel);
  revoke = (channel: IChannel, member: IMember): void => void this._revoke(channel, member);
  leave = (channel: IChannel): void => void this._leave(channel);
  copyText = (text: string): void => copy(text, this._trans);

  private async _create(): Promise<void> {
    const trans = this._trans;
    const channel = await ask({
      title: trans.__('Create a channel'),
      accept: trans.__('Create'),
      values: { name: '', hub: '' },
      form: createForm(trans),
      problem: values => {
        if (!values.name.trim()) {
          return trans.__('Give the channel a name.');
        }
        return values.hub.trim() ? '' : trans.__('Say at which hub the channel is.');
      },
      submit: ({ name, hub }) => this._model.create(name.trim(), hub.trim()),
      trans
    });
    if (channel) {
      tell(trans.__('The channel “%1” is there. Invite its members.', channelLabel(channel)));
      this._onOpened(channel);
    }
  }

  private async _join(): Promise<void> {
    const trans = this._trans;
    const nodeId = await attempt(() => this._model.nodeId());
    if (nodeId === undefined) {
      return;
    }
    const channel = await ask({
      title: trans.__('Join a channel'),
      accept: trans.__('Join'),
      values: { text: '' },
      form: joinForm(trans, nodeId, () => copy(nodeId, trans)),
      problem: ({ text }) => (text.trim() ? '' : trans.__('Paste the invitation.')),
      submit: ({ text }) => this._model.join(text.trim()),
      trans
    });
    if (channel) {
      tell(trans.__('This node is a member of “%1”.', channelLabel(channel)));
      this._onOpened(channel);
    }
  }

  private async _copyNodeId(): Promise<void> {
    const nodeId = await attempt(() => this._model.nodeId());
    if (nodeId !== undefined) {
      copy(nodeId, this._trans);
    }
  }

  private async _invite(channel: IChannel): Promise<void> {
    const trans = this._trans;
    const wish: IWish = { node_id: '', name: '', roles: [...USUAL_ROLES], is_archive: false };
    const invitation = await ask({
      title: trans.__('Invite to “%1”', channelLabel(channel)),
      accept: trans.__('Invite'),
      values: wish,
      form: inviteForm(trans, channel),
      problem: ({ node_id }) =>
        pastedNodeId(node_id) ? '' : trans.__('A node id has 64 digits from 0 to 9 and a to f.'),
      submit: values =>
        this._model.invite(channel.channel_id, {
          ...values,
          name: values.name.trim(),
          node_id: pastedNodeId(values.node_id) ?? ''
        }),
      trans
    });
    if (invitation !== null) {
      await this._show(channel, invitation);
    }
  }

  /** The invitation, once. It is copied by the button of the dialog as well. */
  private async _show(channel: IChannel, invitation: string): Promise<void> {
    const trans = this._trans;
    const onCopy = (): void => {
      Clipboard.copyToSystem(invitation);
      tell(trans.__('Copied the invitation'));
    };
    const body = ReactWidget.create(<Invitation text={invitation} trans={trans} />);
    body.addClass('kachery-Form');
    const { button } = await showDialog({
      title: trans.__('Invitation to “%1”', channelLabel(channel)),
      body,
      buttons: [
        Dialog.cancelButton({ label: trans.__('Close') }),
        Dialog.okButton({ label: trans.__('Copy and close') })
      ]
    });
    if (button.accept) {
      onCopy();
    }
  }

  private async _revoke(channel: IChannel, member: IMember): Promise<void> {
    const trans = this._trans;
    const name = memberLabel(member, trans);
    const isMeant = await confirm({
      title: trans.__('Remove “%1” from “%2”?', name, channelLabel(channel)),
      text: trans.__(
        'It is cut off within seconds and the channel gets a new key. What it has loaded, it keeps. To let it in again, invite it again.'
      ),
      accept: trans.__('Remove'),
      trans
    });
    if (isMeant) {
      const revoked = await attempt(async () => {
        await this._model.revoke(channel.channel_id, member.node_id);
        return true;
      });
      if (revoked) {
        tell(trans.__('Removed “%1”', name));
      }
    }
  }

  private async _leave(channel: IChannel): Promise<void> {
    const trans = this._trans;
    const { name, is_owner } = channel;
    const isMeant = await confirm({
      title: is_owner ? trans.__('Abandon “%1”?', name) : trans.__('Leave “%1”?', name),
      text: is_owner
        ? trans.__(
            'You own this channel. Its key is deleted here, so nobody can be invited, removed or renewed any more, and it ends for everybody when their memberships run out. This cannot be undone.'
          )
        : trans.__(
            'This node shares nothing there any more and forgets the channel. To come back you need a new invitation from its owner.'
          ),
      accept: is_owner ? trans.__('Abandon for everybody') : trans.__('Leave'),
      trans
    });
    if (isMeant) {
      const left = await attempt(async () => {
        await this._model.leave(channel);
        return true;
      });
      if (left) {
        tell(trans.__('Left “%1”', name));
      }
    }
  }
}
