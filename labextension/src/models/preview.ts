import { type ISignal, Signal } from '@lumino/signaling';
import { isAbort, KacheryError } from '../node/errors';
import type { Preview } from '../node/previewTypes';
import type { Requests } from '../node/requests';

/** What can be previewed: a row of the list, or a URI in an output. */
export interface IPreviewed {
  sha1: string;
  name: string;
  kind: string;
}

/** Going back to what was just looked at asks nothing. */
const MOST_KEPT = 30;
/** Who holds an arrow key down flies over rows; only where he rests is asked for, in ms. */
const REST = 80;

/** The preview of one content at a time. Contents never change, so neither do previews. */
export class PreviewModel {
  constructor(private readonly _requests: Requests) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }
  get isOpen(): boolean {
    return this._isOpen;
  }
  /** What is shown, or will be when it came. */
  get subject(): IPreviewed | null {
    return this._subject;
  }
  /** Null while it is on its way, or if it did not come (`error`). */
  get content(): Preview | null {
    return this._content;
  }
  get error(): KacheryError | null {
    return this._error;
  }

  open(subject: IPreviewed | null): void {
    this._isOpen = true;
    this.follow(subject);
    this._changed.emit();
  }

  close(): void {
    this._isOpen = false;
    this._give();
    this._changed.emit();
  }

  /** Show another content, if the preview is open. */
  follow(subject: IPreviewed | null): void {
    if (!this._isOpen || subject?.sha1 === this._subject?.sha1) {
      return;
    }
    this._subject = subject;
    this._ask(REST);
  }

  retry(): void {
    this._ask(0);
  }

  private _ask(rest: number): void {
    this._give();
    const subject = this._subject;
    this._error = null;
    this._content = (subject && this._kept.get(keyOf(subject))) ?? null;
    this._changed.emit();
    if (subject && !this._content) {
      this._timer = setTimeout(() => void this._fetch(subject), rest);
    }
  }

  private async _fetch(subject: IPreviewed): Promise<void> {
    const aborting = new AbortController();
    this._asking = aborting;
    try {
      const content = await this._requests.get<Preview>(`previews/${subject.sha1}`, {
        query: { name: subject.name, kind: subject.kind },
        signal: aborting.signal
      });
      this._keep(keyOf(subject), content);
      this._content = content;
    } catch (reason) {
      if (isAbort(reason)) {
        return;
      }
      this._error = KacheryError.of(reason);
    }
    this._changed.emit();
  }

  private _keep(key: string, content: Preview): void {
    this._kept.set(key, content);
    if (this._kept.size > MOST_KEPT) {
      this._kept.delete([...this._kept.keys()][0]);
    }
  }

  /** Nothing that was asked for is wanted any more. */
  private _give(): void {
    clearTimeout(this._timer);
    this._asking?.abort();
    this._asking = null;
  }

  private _asking: AbortController | null = null;
  private _changed = new Signal<this, void>(this);
  private _content: Preview | null = null;
  private _error: KacheryError | null = null;
  private _isOpen = false;
  private _kept = new Map<string, Preview>();
  private _subject: IPreviewed | null = null;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}

/** The same bytes are shown otherwise under another name. */
function keyOf({ sha1, name, kind }: IPreviewed): string {
  return [sha1, kind, name].join('/');
}
