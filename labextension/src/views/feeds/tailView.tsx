import { useEffect, useRef, useState, type ReactElement } from 'react';
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  caretLeftIcon,
  codeIcon,
  copyIcon,
  launchIcon,
  pauseIcon,
  runIcon
} from '@jupyterlab/ui-components';
import type { Tail } from '../../models/tail';
import { tailTitle, type IShownSubfeed, type TailPane } from '../../models/tailPane';
import { IconButton } from '../parts/buttons';
import { count } from '../parts/format';
import { Failure } from '../parts/states';
import { useSignal } from '../parts/useSignal';
import type { IFeedActions } from './actions';
import { Charts } from './charts';
import { Messages } from './messages';

interface ITailViewProps {
  subfeed: IShownSubfeed;
  tail: Tail;
  actions: IFeedActions;
  trans: TranslationBundle;
  /** Whether somebody came here by a row that is gone now; they go on from here. */
  takesFocus?: boolean;
  /** Left out where there is nothing to go back to. */
  onBack?: () => void;
}

// Screen readers are told of new messages at most this often.
const SAY_MSEC = 4000;

/** The newest messages of a subfeed as they come, and its numbers as lines. */
function TailView(props: ITailViewProps): ReactElement {
  const { subfeed, tail, trans } = props;
  useSignal(tail.changed);
  return (
    <section className="kachery-Tail" aria-label={trans.__('Messages of %1', tailTitle(subfeed))}>
      <Heading {...props} />
      {tail.error && <Failure error={tail.error} trans={trans} onRetry={() => tail.retry()} />}
      {tail.messages.length > 0 ? (
        <>
          <Charts messages={tail.messages} trans={trans} />
          <Messages messages={tail.messages} trans={trans} />
        </>
      ) : (
        !tail.error && (
          <p className="kachery-Note" role="status">
            {tail.isPaused ? trans.__('Paused.') : trans.__('No messages yet; they appear here.')}
          </p>
        )
      )}
      <Said tail={tail} trans={trans} />
    </section>
  );
}

/** What a pane shows. */
export function Pane(props: {
  pane: TailPane;
  actions: IFeedActions;
  trans: TranslationBundle;
  takesFocus?: boolean;
  onBack?: () => void;
}): ReactElement | null {
  const { pane, actions, trans, takesFocus, onBack } = props;
  useSignal(pane.changed);
  const { shown, tail } = pane;
  return shown && tail ? (
    <TailView
      key={shown.uri}
      subfeed={shown}
      tail={tail}
      actions={actions}
      trans={trans}
      takesFocus={takesFocus}
      onBack={onBack}
    />
  ) : null;
}

function Heading(props: ITailViewProps): ReactElement {
  const { subfeed, tail, actions, trans, onBack } = props;
  const back = useRef<HTMLDivElement>(null);
  const { takesFocus } = props;
  useEffect(() => {
    if (takesFocus) {
      back.current?.querySelector('button')?.focus();
    }
  }, [takesFocus]);
  return (
    <header className="kachery-Tail-heading" ref={back}>
      {onBack && (
        <IconButton icon={caretLeftIcon} label={trans.__('Back to the feeds')} onClick={onBack} />
      )}
      <h3 title={`${tailTitle(subfeed)}\n${subfeed.uri}`}>
        {subfeed.feedLabel && (
          <>
            <bdi className="kachery-Tail-feed">{subfeed.feedLabel}</bdi>
            <span className="kachery-Tail-slash">/</span>
          </>
        )}
        <bdi>{subfeed.label}</bdi>
      </h3>
      <span className="kachery-Tail-state" data-state={tail.state}>
        {tail.length > 0 && count(tail.length)}
      </span>
      <span className="kachery-Tools">
        <IconButton
          icon={tail.isPaused ? runIcon : pauseIcon}
          label={tail.isPaused ? trans.__('Go on') : trans.__('Pause')}
          onClick={() => tail.pause(!tail.isPaused)}
        />
        <IconButton
          icon={copyIcon}
          label={trans.__('Copy the URI')}
          onClick={() => actions.copyText(subfeed.uri)}
        />
        <IconButton
          icon={codeIcon}
          label={trans.__('Insert code that loads it')}
          onClick={() =>
            actions.insertCode({ uri: subfeed.uri, name: subfeed.label, kind: 'subfeed' })
          }
        />
        {onBack && (
          <IconButton
            icon={launchIcon}
            label={trans.__('Show in a tab')}
            onClick={() => actions.openTab(subfeed)}
          />
        )}
      </span>
    </header>
  );
}

/** How many messages came, said politely and now and then. */
function Said(props: { tail: Tail; trans: TranslationBundle }): ReactElement {
  const { tail, trans } = props;
  const [said, setSaid] = useState('');
  const told = useRef(tail.arrived);
  useEffect(() => {
    const timer = setInterval(() => {
      const fresh = tail.arrived - told.current;
      told.current = tail.arrived;
      setSaid(fresh > 0 ? trans._n('One new message', '%1 new messages', fresh) : '');
    }, SAY_MSEC);
    return () => clearInterval(timer);
  }, [tail, trans]);
  return (
    <p className="kachery-unseen" role="status" aria-live="polite">
      {said}
    </p>
  );
}
