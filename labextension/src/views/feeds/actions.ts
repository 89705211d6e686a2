import type { IShownSubfeed } from '../../models/tailPane';

/** What the views of feeds have done for them: it needs dialogs, the clipboard or a notebook. */
export interface IFeedActions {
  create(): void;
  follow(): void;
  copyText(text: string): void;
  /** Insert the code that loads a feed or a subfeed where the person works. */
  insertCode(item: { uri: string; name: string; kind: 'feed' | 'subfeed' }): void;
  /** Show the tail of a subfeed in a tab of its own. */
  openTab(subfeed: IShownSubfeed): void;
}
