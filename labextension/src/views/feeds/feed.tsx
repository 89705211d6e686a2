import type { ReactElement } from 'react';
import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretRightIcon, codeIcon, copyIcon } from '@jupyterlab/ui-components';
import type { FeedsModel, IFeed, ISubfeed } from '../../models/feeds';
import { feedLabel, isControl, subfeedLabel, subfeedUri } from '../../models/feedNames';
import type { IShownSubfeed } from '../../models/tailPane';
import { IconButton } from '../parts/buttons';
import { ago, count, moment } from '../parts/format';
import { Failure, Loading } from '../parts/states';
import type { IFeedActions } from './actions';

interface IFeedProps {
  model: FeedsModel;
  feed: IFeed;
  actions: IFeedActions;
  trans: TranslationBundle;
  onOpen: (isOpen: boolean) => void;
  onShow: (subfeed: IShownSubfeed) => void;
}

/** One feed: a line; opened, its subfeeds. */
export function Feed(props: IFeedProps): ReactElement {
  const { model, feed, actions, trans } = props;
  const isOpen = model.isOpen(feed.feed);
  const Caret = isOpen ? caretDownIcon : caretRightIcon;
  const label = feedLabel(feed);
  return (
    <li className="kachery-Feed">
      <div
        className="kachery-Entry-line"
        data-kind="feed"
        data-address={feed.uri}
        data-label={feed.name ?? ''}
      >
        <button
          type="button"
          className="kachery-Entry"
          aria-expanded={isOpen}
          data-feed={feed.feed}
          title={feed.uri}
          onClick={() => props.onOpen(!isOpen)}
        >
          <Caret.react className="kachery-Caret" tag="span" />
          <bdi
            className={feed.name ? 'kachery-Entry-label' : 'kachery-Entry-label kachery-mod-key'}
          >
            {label}
          </bdi>
          <Badges feed={feed} trans={trans} />
          {feed.created_at > 0 && (
            <span className="kachery-Entry-side" title={moment(feed.created_at)}>
              {ago(feed.created_at, trans)}
            </span>
          )}
        </button>
        <Tools
          label={label}
          actions={actions}
          trans={trans}
          item={{ uri: feed.uri, name: feed.name ?? '', kind: 'feed' }}
        />
      </div>
      {isOpen && <Subfeeds {...props} />}
    </li>
  );
}

function Badges(props: { feed: IFeed; trans: TranslationBundle }): ReactElement {
  const { feed, trans } = props;
  return (
    <span className="kachery-Badges">
      {feed.is_copy && (
        <span
          className="kachery-Badge"
          title={trans.__('Another node writes it; here is a verified copy.')}
        >
          {trans.__('copy')}
        </span>
      )}
      {feed.legacy && (
        <span
          className="kachery-Badge"
          title={trans.__('An old kachery wrote it; it is read only.')}
        >
          {trans.__('old')}
        </span>
      )}
      {feed.retired && (
        <span className="kachery-Badge" title={trans.__('It has ended.')}>
          {trans.__('retired')}
        </span>
      )}
    </span>
  );
}

/** Copy the URI; insert the code that loads it. */
function Tools(props: {
  label: string;
  item: { uri: string; name: string; kind: 'feed' | 'subfeed' };
  actions: IFeedActions;
  trans: TranslationBundle;
}): ReactElement {
  const { label, item, actions, trans } = props;
  return (
    <span className="kachery-Tools">
      <IconButton
        icon={copyIcon}
        label={trans.__('Copy the URI of %1', label)}
        onClick={() => actions.copyText(item.uri)}
      />
      <IconButton
        icon={codeIcon}
        label={trans.__('Insert code that loads %1', label)}
        onClick={() => actions.insertCode(item)}
      />
    </span>
  );
}

function Subfeeds(props: IFeedProps): ReactElement {
  const { model, feed, trans } = props;
  const { subfeeds, error } = model.subfeeds(feed.feed);
  return (
    <div className="kachery-Details">
      {feed.retired && <Retired feed={feed} trans={trans} />}
      {error && <Failure error={error} trans={trans} onRetry={() => void model.retry(feed.feed)} />}
      {!subfeeds && !error && <Loading trans={trans} />}
      {subfeeds && <Known {...props} subfeeds={subfeeds.filter(one => !isControl(one))} />}
    </div>
  );
}

function Known(props: IFeedProps & { subfeeds: readonly ISubfeed[] }): ReactElement {
  const { feed, subfeeds, trans } = props;
  if (subfeeds.length === 0) {
    return (
      <p className="kachery-Note">
        {feed.is_writeable
          ? trans.__('No subfeed yet: the first message appended to one makes it.')
          : trans.__('No subfeed is known here.')}
      </p>
    );
  }
  return (
    <ul aria-label={trans.__('Subfeeds of %1', feedLabel(feed))}>
      {subfeeds.map(subfeed => (
        <Subfeed key={subfeed.subfeed} {...props} subfeed={subfeed} />
      ))}
    </ul>
  );
}

function Subfeed(props: IFeedProps & { subfeed: ISubfeed }): ReactElement {
  const { feed, subfeed, actions, trans } = props;
  const label = subfeedLabel(subfeed);
  const uri = subfeedUri(feed.feed, subfeed);
  return (
    <li
      className="kachery-Entry-line"
      data-kind="subfeed"
      data-feed-key={feed.feed}
      data-address={uri}
      data-label={label}
      data-feed-label={feedLabel(feed)}
    >
      <button
        type="button"
        className="kachery-Entry"
        data-uri={uri}
        title={trans.__('Show the newest messages of %1', label)}
        onClick={() => props.onShow({ feed: feed.feed, uri, label, feedLabel: feedLabel(feed) })}
      >
        <bdi className="kachery-Entry-label">{label}</bdi>
        <span
          className="kachery-Entry-side"
          aria-label={trans._n('one message', '%1 messages', subfeed.length)}
        >
          {count(subfeed.length)}
        </span>
      </button>
      <Tools
        label={label}
        actions={actions}
        trans={trans}
        item={{ uri, name: label, kind: 'subfeed' }}
      />
    </li>
  );
}

function Retired(props: { feed: IFeed; trans: TranslationBundle }): ReactElement {
  const { retired } = props.feed;
  return (
    <p className="kachery-Note">
      {props.trans.__('This feed has ended.')} <bdi>{retired?.reason}</bdi>
      {retired?.successor && (
        <>
          {' '}
          {props.trans.__('It goes on in')} <code>{retired.successor}</code>
        </>
      )}
    </p>
  );
}
