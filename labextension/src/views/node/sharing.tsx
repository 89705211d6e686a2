import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReactElement } from 'react';
import type { NodeModel } from '../../models/node';
import { Switch } from '../parts/buttons';
import { Failure } from '../parts/states';
import { useAction } from '../parts/useAction';

/** Whether this node is connected to its channels at all. */
export function Sharing(props: {
  model: NodeModel;
  enabled: boolean;
  trans: TranslationBundle;
}): ReactElement {
  const { model, enabled, trans } = props;
  const { isBusy, error, run } = useAction();
  return (
    <div className="kachery-Node-sharing" aria-busy={isBusy}>
      <Switch
        label={trans.__('Share with my channels')}
        on={enabled}
        disabled={isBusy}
        onChange={on => void run(() => model.share(on))}
      />
      {!enabled && (
        <p className="kachery-Node-sharing-off" role="status">
          {trans.__('Off: no hub is connected, and nobody gets anything from here.')}
        </p>
      )}
      {error && <Failure error={error} trans={trans} />}
    </div>
  );
}
