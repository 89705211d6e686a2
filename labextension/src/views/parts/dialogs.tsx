import { Dialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { ReactElement } from 'react';
import { KacheryError } from '../../node/errors';
import { Failure } from './states';

/** What a form gets: its values, and the way to change them. */
export interface IFormProps<V> {
  values: V;
  set: (change: Partial<V>) => void;
  busy: boolean;
}

interface IAsking<V, R> {
  title: string;
  /** Word on the button that does it. */
  accept: string;
  /** What stands in the form at first. */
  values: V;
  form: (props: IFormProps<V>) => ReactElement;
  /** Why these values will not do, in words; '' when they will. Said when it is accepted. */
  problem?: (values: V) => string;
  /** Do it. The dialog stays while it lasts, and shows what went wrong. */
  submit: (values: V) => Promise<R>;
  trans: TranslationBundle;
}

/** Ask a person for values and do something with them; null when they gave up. */
export async function ask<V, R>(asking: IAsking<V, R>): Promise<R | null> {
  const dialog = new FormDialog(asking);
  await dialog.launch();
  return dialog.outcome;
}

/** Ask whether to do something that cannot be undone, or that others notice. */
export async function confirm(asking: {
  title: string;
  text: string;
  accept: string;
  trans: TranslationBundle;
}): Promise<boolean> {
  const { title, text, accept, trans } = asking;
  const { button } = await showDialog({
    title,
    body: text,
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.warnButton({ label: accept })
    ],
    defaultButton: 0
  });
  return button.accept;
}

/** The form, and what went wrong with it. */
class FormBody<V, R> extends ReactWidget {
  constructor(private readonly _asking: IAsking<V, R>) {
    super();
    this.values = _asking.values;
    this.addClass('kachery-Form');
  }

  values: V;
  busy = false;
  error: KacheryError | null = null;

  protected render(): ReactElement {
    const { form: Form, trans } = this._asking;
    const set = (change: Partial<V>): void => {
      this.values = { ...this.values, ...change };
      this.error = null;
      this.update();
    };
    return (
      <div aria-busy={this.busy}>
        <Form values={this.values} set={set} busy={this.busy} />
        {this.error && <Failure error={this.error} trans={trans} />}
        {this.busy && (
          <p role="status" className="kachery-Form-busy">
            {trans.__('One moment…')}
          </p>
        )}
      </div>
    );
  }
}

/** A dialog that closes when what it is for is done. */
class FormDialog<V, R> extends Dialog<unknown> {
  constructor(private readonly _asking: IAsking<V, R>) {
    const body = new FormBody(_asking);
    super({
      title: _asking.title,
      body,
      buttons: [
        Dialog.cancelButton({ label: _asking.trans.__('Cancel') }),
        Dialog.okButton({ label: _asking.accept })
      ],
      defaultButton: 1,
      focusNodeSelector: 'input, textarea, select'
    });
    this._form = body;
    this.addClass('kachery-Dialog');
  }

  /** What `submit` answered; null until then. */
  outcome: R | null = null;

  /** A button was pressed. */
  override resolve(index = 1): void {
    if (index !== 1) {
      super.resolve(index);
    } else if (!this._form.busy) {
      void this._submit();
    }
  }

  private async _submit(): Promise<void> {
    const form = this._form;
    const problem = this._asking.problem?.(form.values);
    form.error = problem ? new KacheryError('form', problem) : null;
    form.busy = !problem;
    form.update();
    if (problem) {
      return;
    }
    try {
      this.outcome = await this._asking.submit(form.values);
      super.resolve(1);
    } catch (reason) {
      form.error = KacheryError.of(reason);
      form.busy = false;
      form.update();
    }
  }

  private readonly _form: FormBody<V, R>;
}
