import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReactElement, ReactNode } from 'react';
import type { State } from '../../models/model';
import type { KacheryError } from '../../node/errors';

/** Nothing is known yet. It is shown late: what comes at once does not flicker. */
export function Loading(props: { trans: TranslationBundle }): ReactElement {
  return (
    <div className="kachery-Loading" role="status" aria-busy="true">
      <span className="kachery-Loading-bar" aria-hidden="true" />
      <span className="kachery-Loading-bar" aria-hidden="true" />
      <span className="kachery-Loading-bar" aria-hidden="true" />
      <span className="kachery-unseen">{props.trans.__('Loading…')}</span>
    </div>
  );
}

/** There is nothing to show: say what would be here, and how it comes. */
export function Empty(props: { title: string; hint?: string; children?: ReactNode }): ReactElement {
  return (
    <div className="kachery-Empty" role="status">
      <p className="kachery-Empty-title">{props.title}</p>
      {props.hint && <p className="kachery-Empty-hint">{props.hint}</p>}
      {props.children}
    </div>
  );
}

/** What went wrong, and what to do next. */
export function Failure(props: {
  error: KacheryError;
  trans: TranslationBundle;
  onRetry?: () => void;
}): ReactElement {
  const { error, trans, onRetry } = props;
  return (
    <div className="kachery-Failure" role="alert">
      <p className="kachery-Failure-message">{error.message}</p>
      {error.hint && <p className="kachery-Failure-hint">{error.hint}</p>}
      {onRetry && (
        <button type="button" className="kachery-Button" onClick={onRetry}>
          {trans.__('Try again')}
        </button>
      )}
    </div>
  );
}

/** A `Model`, as far as this file looks at it. */
interface IStated {
  state: State;
  error: KacheryError | null;
  refresh(): Promise<void>;
}

/**
 * What a model knows, or that it loads, or why not.
 *
 * @param known - Whether something can be shown although the last request failed.
 */
export function Stateful(props: {
  model: IStated;
  trans: TranslationBundle;
  known?: boolean;
  children: () => ReactNode;
}): ReactElement {
  const { model, trans, known, children } = props;
  if (model.state === 'loading') {
    return <Loading trans={trans} />;
  }
  return (
    <>
      {model.state === 'error' && model.error && (
        <Failure error={model.error} trans={trans} onRetry={() => void model.refresh()} />
      )}
      {(model.state === 'ready' || known) && children()}
    </>
  );
}
