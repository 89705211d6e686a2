import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { feedLabel, parseFeedUri, subfeedLabel, subfeedUri } from '../models/feedNames';
import type { FeedsModel, IFeed } from '../models/feeds';
import type { IPreferences } from '../models/preferences';
import type { IShownSubfeed } from '../models/tailPane';
import { visible } from '../models/visible';
import type { IFeedActions } from '../views/feeds/actions';
import { createForm, followForm } from '../views/feeds/forms';
import { ask } from '../views/parts/dialogs';
import { attempt, copy, tell } from '../views/parts/notify';
import { insertLoadCode } from './insertion';

interface IPlaces {
  /** Show a feed in the sidebar, and the tail of one of its subfeeds if there is one. */
  reveal: (feed: IFeed, subfeed: IShownSubfeed | null) => void;
  openTab: (subfeed: IShownSubfeed) => void;
}

/** What a person does with feeds: asked for in dialogs, told in notifications. */
export class FeedActions implements IFeedActions {
  constructor(
    private readonly _app: JupyterFrontEnd,
    private readonly _model: FeedsModel,
    private readonly _trans: TranslationBundle,
    private readonly _preferences: IPreferences,
    private readonly _places: IPlaces
  ) {}

  create = (): void => void this._create();
  follow = (): void => void this._follow();
  copyText = (text: string): void => copy(text, this._trans);
  openTab = (subfeed: IShownSubfeed): void => this._places.openTab(subfeed);

  insertCode = (item: { uri: string; name: string; kind: 'feed' | 'subfeed' }): void =>
    void attempt(async () => {
      if ((await insertLoadCode(this._app, item, this._preferences)) === null) {
        Notification.warning(this._trans.__('Open a notebook or an editor: code goes there.'), {
          autoClose: 5000
        });
      }
    });

  private async _create(): Promise<void> {
    const trans = this._trans;
    const feed = await ask({
      title: trans.__('Create a feed'),
      accept: trans.__('Create'),
      values: { name: '' },
      form: createForm(trans),
      submit: ({ name }) => this._model.create(name.trim()),
      trans
    });
    if (feed) {
      tell(trans.__('The feed is there; insert code to append messages.'));
      this._places.reveal(feed, null);
    }
  }

  private async _follow(): Promise<void> {
    const trans = this._trans;
    const found = await ask({
      title: trans.__('Follow a feed'),
      accept: trans.__('Follow'),
      values: { uri: '' },
      form: followForm(trans),
      problem: ({ uri }) =>
        parseFeedUri(uri)
          ? ''
          : trans.__('A feed URI looks like feed://, 64 hex digits, and perhaps /name.'),
      submit: async ({ uri }) => {
        const feed = await this._model.follow(parseFeedUri(uri)?.feed ?? '');
        return { feed, subfeed: subfeedIn(feed, uri) };
      },
      trans
    });
    if (found) {
      this._places.reveal(found.feed, found.subfeed);
    }
  }
}

/** The subfeed that a URI names, called as it is in the feed if that knows it. */
function subfeedIn(feed: IFeed, uri: string): IShownSubfeed | null {
  const subfeed = parseFeedUri(uri)?.subfeed;
  if (!subfeed) {
    return null;
  }
  const wanted = `feed://${feed.feed}/${subfeed}`;
  const known = feed.subfeeds.find(
    one => subfeedUri(feed.feed, one) === wanted || subfeed === `~${one.subfeed}`
  );
  return known
    ? {
        feed: feed.feed,
        uri: subfeedUri(feed.feed, known),
        label: subfeedLabel(known),
        feedLabel: feedLabel(feed)
      }
    : {
        feed: feed.feed,
        uri: wanted,
        label: visible(decoded(subfeed)),
        feedLabel: feedLabel(feed)
      };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (problem) {
    if (problem instanceof URIError) {
      return text;
    }
    throw problem;
  }
}
