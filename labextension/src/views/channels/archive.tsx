import { useState, type ReactElement } from 'react';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ChannelsModel, IArchive, IChannel } from '../../models/channels';
import { Switch } from '../parts/buttons';
import { bytes } from '../parts/format';
import { Meter } from '../parts/meter';
import { Failure } from '../parts/states';
import { useAction } from '../parts/useAction';

const GIGABYTE = 1e9;
// What a node takes if nobody said more or less.
const USUAL_QUOTA = 100 * GIGABYTE;

interface IArchiveProps {
  model: ChannelsModel;
  channel: IChannel;
  trans: TranslationBundle;
}

/** Whether this node keeps what passes in a channel, how much of it, and what it has. */
export function Archive(props: IArchiveProps): ReactElement {
  const { model, channel, trans } = props;
  const { archive } = channel;
  const action = useAction();
  const isOn = archive?.is_on ?? false;
  const set = (on: boolean, quota: number | null): void =>
    void action.run(() => model.archive(channel.channel_id, on, quota));
  return (
    <section className="kachery-Part" aria-label={trans.__('Archive')}>
      <header>
        <h4>{trans.__('Archive')}</h4>
      </header>
      <Switch
        label={trans.__('Keep what passes here')}
        on={isOn}
        disabled={action.isBusy}
        onChange={on => set(on, null)}
      />
      {isOn && (
        <Quota
          key={archive?.quota}
          quota={archive?.quota ?? USUAL_QUOTA}
          isBusy={action.isBusy}
          trans={trans}
          onChange={quota => set(true, quota)}
        />
      )}
      {archive && <Kept archive={archive} trans={trans} />}
      {action.error && <Failure error={action.error} trans={trans} />}
    </section>
  );
}

function Quota(props: {
  quota: number;
  isBusy: boolean;
  trans: TranslationBundle;
  onChange: (quota: number) => void;
}): ReactElement {
  const { trans } = props;
  const [text, setText] = useState(String(props.quota / GIGABYTE));
  const quota = Math.round(Number(text) * GIGABYTE);
  const isValid = text.trim() !== '' && Number.isFinite(quota) && quota >= 0;
  return (
    <form
      className="kachery-Quota"
      onSubmit={event => {
        event.preventDefault();
        if (isValid && quota !== props.quota) {
          props.onChange(quota);
        }
      }}
    >
      <label>
        {trans.__('At most')}
        <input
          className="jp-mod-styled"
          type="number"
          min={0}
          step="any"
          value={text}
          aria-invalid={!isValid}
          disabled={props.isBusy}
          onChange={event => setText(event.target.value)}
        />
        GB
      </label>
      <button
        className="kachery-Button"
        type="submit"
        disabled={!isValid || quota === props.quota || props.isBusy}
      >
        {trans.__('Set')}
      </button>
    </form>
  );
}

function Kept(props: { archive: IArchive; trans: TranslationBundle }): ReactElement {
  const { archive, trans } = props;
  const share = archive.quota > 0 ? archive.size / archive.quota : 1;
  const text = trans.__('%1 of %2', bytes(archive.size), bytes(archive.quota));
  return (
    <>
      <Meter role="meter" label={trans.__('Kept by the archive')} share={share} text={text} />
      <p className="kachery-Note">
        {text} · {trans._n('one file', '%1 files', archive.contents)} ·{' '}
        {trans._n('one subfeed', '%1 subfeeds', archive.subfeeds)}
        {archive.waiting > 0 && ` · ${trans.__('%1 waiting', archive.waiting)}`}
      </p>
    </>
  );
}
