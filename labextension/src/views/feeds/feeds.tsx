import { useEffect, useRef, useState, type ReactElement } from 'react';
import type { TranslationBundle } from '@jupyterlab/translation';
import { InputGroup } from '@jupyterlab/ui-components';
import type { FeedsModel, IFeed } from '../../models/feeds';
import { feedLabel } from '../../models/feedNames';
import type { Memory } from '../../models/memory';
import type { IShownSubfeed, TailPane } from '../../models/tailPane';
import { moveAmong } from '../parts/arrowKeys';
import { Empty, Stateful } from '../parts/states';
import { useSignal } from '../parts/useSignal';
import type { IFeedActions } from './actions';
import { Feed } from './feed';
import { Pane } from './tailView';

export interface IFeedsProps {
  model: FeedsModel;
  pane: TailPane;
  memory: Memory;
  actions: IFeedActions;
  trans: TranslationBundle;
}

const OPEN = 'feeds.open';
// From so many feeds on, they can be searched.
const MANY = 8;
// What nobody scrolls to is not drawn; searching finds it.
const MOST_DRAWN = 100;

/** The section Feeds: the list, or the tail of the subfeed that was chosen in it. */
export function Feeds(props: IFeedsProps): ReactElement {
  const { model, pane, memory, trans } = props;
  useSignal(model.changed);
  useSignal(pane.changed);
  useEffect(() => {
    void memory.ready.then(() => {
      memory.get<string[]>(OPEN, []).forEach(feed => void model.open(feed, true));
    });
  }, [model, memory]);
  const list = useRef<HTMLDivElement>(null);
  const before = useRef<string | null>(null);
  const isChosen = useRef(false);
  const shown = pane.shown?.uri ?? null;
  useEffect(() => {
    // Who comes back from a tail goes on where they left.
    if (before.current && !shown) {
      const rows = list.current?.querySelectorAll<HTMLElement>('[data-uri]') ?? [];
      [...rows].find(row => row.dataset.uri === before.current)?.focus();
    }
    before.current = shown;
  }, [shown]);
  if (pane.shown) {
    return (
      <Pane
        pane={pane}
        actions={props.actions}
        trans={trans}
        takesFocus={isChosen.current}
        onBack={() => {
          pane.show(null);
          void model.refresh();
        }}
      />
    );
  }
  const show = (subfeed: IShownSubfeed): void => {
    isChosen.current = true;
    pane.show(subfeed);
  };
  return (
    <div ref={list}>
      <Stateful model={model} trans={trans} known={model.feeds.length > 0}>
        {() =>
          model.feeds.length > 0 ? <List {...props} onShow={show} /> : <NoFeeds {...props} />
        }
      </Stateful>
    </div>
  );
}

interface IListProps extends IFeedsProps {
  onShow: (subfeed: IShownSubfeed) => void;
}

function List(props: IListProps): ReactElement {
  const { model, memory, actions, trans } = props;
  const [search, setSearch] = useState('');
  const found = model.feeds.filter(feed => isFound(feed, search));
  const open = (feed: IFeed, isOpen: boolean): void => {
    void model.open(feed.feed, isOpen);
    const keys = model.feeds.map(one => one.feed);
    memory.set(
      OPEN,
      keys.filter(key => model.isOpen(key))
    );
  };
  return (
    <>
      {model.feeds.length >= MANY && (
        <div className="kachery-Feeds-toolbar" role="search" aria-label={trans.__('Feeds')}>
          <InputGroup
            type="search"
            aria-label={trans.__('Search feeds')}
            placeholder={trans.__('Search feeds')}
            rightIcon="ui-components:search"
            value={search}
            onChange={event => setSearch(event.target.value)}
            onKeyDown={event => {
              if (event.key === 'Escape' && search) {
                event.stopPropagation();
                setSearch('');
              }
            }}
          />
        </div>
      )}
      <ul
        className="kachery-Feeds"
        aria-label={trans.__('Feeds')}
        onKeyDown={event => moveAmong(event, '.kachery-Entry')}
      >
        {found.slice(0, MOST_DRAWN).map(feed => (
          <Feed
            key={feed.feed}
            model={model}
            feed={feed}
            actions={actions}
            trans={trans}
            onOpen={isOpen => open(feed, isOpen)}
            onShow={props.onShow}
          />
        ))}
      </ul>
      {found.length === 0 && <p className="kachery-Note">{trans.__('No feed has that name.')}</p>}
      {found.length > MOST_DRAWN && (
        <p className="kachery-Note">
          {trans.__('%1 more; type above to find them.', found.length - MOST_DRAWN)}
        </p>
      )}
    </>
  );
}

function isFound(feed: IFeed, search: string): boolean {
  const wanted = search.trim().toLowerCase();
  return feedLabel(feed).toLowerCase().includes(wanted) || feed.uri.includes(wanted);
}

function NoFeeds(props: IFeedsProps): ReactElement {
  const { actions, trans } = props;
  return (
    <Empty
      title={trans.__('No feeds yet')}
      hint={trans.__(
        'A feed is a log that one node writes and many follow while it grows. Create one, or paste the URI of somebody else’s.'
      )}
    >
      <button type="button" className="kachery-Button" onClick={() => actions.create()}>
        {trans.__('Create…')}
      </button>
      <button type="button" className="kachery-Button" onClick={() => actions.follow()}>
        {trans.__('Follow…')}
      </button>
    </Empty>
  );
}
