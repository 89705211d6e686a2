import type { ReadonlyPartialJSONValue } from '@lumino/coreutils';

/** Where a memory is kept between two visits: JupyterLab's `IStateDB` is one. */
export interface IKeeper {
  fetch(id: string): Promise<ReadonlyPartialJSONValue | undefined>;
  save(id: string, value: ReadonlyPartialJSONValue): Promise<unknown>;
}

const ID = '@kachery/jupyter:state';

/** How the person left the sidebar: open sections, filters, what was selected. */
export class Memory {
  /** @param keeper - Without one, everything is forgotten with the page. */
  constructor(private readonly _keeper: IKeeper | null) {
    this.ready = this._restore();
  }

  /** Resolves when what was kept is known; never rejects. */
  readonly ready: Promise<void>;

  get<T extends ReadonlyPartialJSONValue>(key: string, otherwise: T): T {
    return (this._values[key] as T | undefined) ?? otherwise;
  }

  set(key: string, value: ReadonlyPartialJSONValue): void {
    this._values[key] = value;
    window.clearTimeout(this._timer);
    // Typing into a filter is one change, not one for each letter.
    this._timer = window.setTimeout(() => void this._save(), 200);
  }

  private async _restore(): Promise<void> {
    const kept = await this._keeper?.fetch(ID).catch(() => undefined);
    if (kept && typeof kept === 'object' && !Array.isArray(kept)) {
      this._values = { ...(kept as Record<string, ReadonlyPartialJSONValue>), ...this._values };
    }
  }

  private async _save(): Promise<void> {
    await this.ready;
    // Forgetting where one was is no reason to disturb anybody.
    await this._keeper?.save(ID, { ...this._values }).catch(() => undefined);
  }

  private _timer = 0;
  private _values: Record<string, ReadonlyPartialJSONValue> = {};
}
