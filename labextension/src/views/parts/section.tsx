import { ReactWidget, type Toolbar } from '@jupyterlab/ui-components';
import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import type { ReactElement } from 'react';

/** Something to keep up to date while it is looked at: a `Model`. */
interface IWatched {
  watch(): IDisposable;
}

/**
 * A section of the sidebar: React inside, and its models are watched just while it can be seen
 * (the sidebar is open and the section is not folded).
 */
export class Section extends ReactWidget {
  /**
   * @param id - Of the section; the widget gets the class `kachery-ID`.
   * @param view - Rendered once: it follows the models' signals (`useSignal`) by itself.
   */
  constructor(
    id: string,
    title: string,
    private readonly _view: () => ReactElement,
    private readonly _models: readonly IWatched[] = []
  ) {
    super();
    this.id = `kachery-section-${id}`;
    this.addClass('kachery-Section');
    this.addClass(`kachery-${id}`);
    this.title.label = title;
  }

  /** Buttons in the heading; set it before the section is added. */
  toolbar?: Toolbar;

  protected render(): ReactElement {
    return this._view();
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this._follow();
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this._follow();
  }

  protected override onBeforeHide(msg: Message): void {
    this._leave();
    super.onBeforeHide(msg);
  }

  protected override onBeforeDetach(msg: Message): void {
    this._leave();
    super.onBeforeDetach(msg);
  }

  private _follow(): void {
    if (this.isVisible && this._watches.length === 0) {
      this._watches = this._models.map(model => model.watch());
    }
  }

  private _leave(): void {
    this._watches.splice(0).forEach(watch => watch.dispose());
  }

  private _watches: IDisposable[] = [];
}
