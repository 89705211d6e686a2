import type { JupyterFrontEnd } from '@jupyterlab/application';
import { codeIcon, copyIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IShownSubfeed } from '../models/tailPane';
import type { IFeedActions } from '../views/feeds/actions';

/** A feed or a subfeed in the sidebar. */
interface IPointed {
  kind: 'feed' | 'subfeed';
  feed: string;
  uri: string;
  label: string;
  /** Of the feed of a subfeed. */
  feedLabel: string;
}

/** Commands of the menu that opens on a feed or a subfeed; see `schema/feeds.json`. */
export function addMenuCommands(
  app: JupyterFrontEnd,
  trans: TranslationBundle,
  actions: IFeedActions
): void {
  app.commands.addCommand('kachery:copy-feed-uri', {
    label: trans.__('Copy URI'),
    icon: copyIcon,
    isEnabled: () => pointed(app) !== null,
    execute: () => actions.copyText(pointed(app)?.uri ?? '')
  });
  app.commands.addCommand('kachery:insert-feed-code', {
    label: trans.__('Insert Load Code'),
    icon: codeIcon,
    isEnabled: () => pointed(app) !== null,
    execute: () => {
      const row = pointed(app);
      if (row) {
        actions.insertCode({ uri: row.uri, name: row.label, kind: row.kind });
      }
    }
  });
}

/** The subfeed on which a menu is open. */
export function pointedSubfeed(app: JupyterFrontEnd): IShownSubfeed | null {
  const row = pointed(app);
  return row?.kind === 'subfeed'
    ? { feed: row.feed, uri: row.uri, label: row.label, feedLabel: row.feedLabel }
    : null;
}

function pointed(app: JupyterFrontEnd): IPointed | null {
  const node = app.contextMenuHitTest(each => each.dataset.address !== undefined);
  if (!node) {
    return null;
  }
  const { kind, feedKey, address, label, feedLabel } = node.dataset;
  return {
    kind: kind === 'subfeed' ? 'subfeed' : 'feed',
    feed: feedKey ?? '',
    uri: address ?? '',
    label: label ?? '',
    feedLabel: feedLabel ?? ''
  };
}
