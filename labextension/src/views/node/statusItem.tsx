import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReactElement } from 'react';
import type { NodeModel, Summary } from '../../models/node';
import { kacheryIcon } from '../parts/icon';
import { useSignal } from '../parts/useSignal';

/**
 * The item in the status bar. It asks for nothing by itself: how the node is stands here while the
 * sidebar shows it anyway.
 */
export function StatusItem(props: {
  model: NodeModel;
  trans: TranslationBundle;
  onClick: () => void;
}): ReactElement {
  const { model, trans, onClick } = props;
  useSignal(model.changed);
  const words: Record<Summary, string> = {
    unknown: '',
    sharing: trans.__('sharing'),
    connecting: trans.__('connecting'),
    private: trans.__('no channel'),
    off: trans.__('not sharing'),
    failed: trans.__('no answer')
  };
  const state = words[model.summary];
  return (
    <button
      type="button"
      className="kachery-StatusItem"
      title={trans.__('Show what this node keeps and shares')}
      onClick={onClick}
    >
      <kacheryIcon.react tag="span" stylesheet="statusBar" aria-hidden="true" />
      {state ? trans.__('Kachery: %1', state) : trans.__('Kachery')}
    </button>
  );
}
