import { DisposableDelegate, type IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

/** One section of the sidebar; `W` is what shows it. */
export interface ISection<W = unknown> {
  /** A word; also the key under which it is remembered whether it is open. */
  id: string;
  title: string;
  /** Where: Node 100, Files 200, Channels 300, Feeds 400, Streams 500, Tasks 600. */
  rank: number;
  widget: W;
  /** Open when the sidebar is seen for the first time. */
  open?: boolean;
  /** How high, compared with the others that are open, where there is not room for all; else 1. */
  share?: number;
  /** Whether it can use more height than its content has: what scrolls inside of it grows. */
  fills?: () => boolean;
}

/** The sections of the sidebar, by rank. */
export class Sections<W = unknown> {
  /** A section came or went. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get all(): readonly ISection<W>[] {
    return this._all;
  }

  /** @throws Error when a section of this id is there. */
  add(section: ISection<W>): IDisposable {
    if (this._all.some(({ id }) => id === section.id)) {
      throw new Error(`There is a section '${section.id}'.`);
    }
    this._all = [...this._all, section].sort((a, b) => a.rank - b.rank);
    this._changed.emit();
    return new DisposableDelegate(() => {
      this._all = this._all.filter(each => each !== section);
      this._changed.emit();
    });
  }

  private _all: ISection<W>[] = [];
  private _changed = new Signal<this, void>(this);
}
