import type { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon, refreshIcon } from '@jupyterlab/ui-components';
import { type ReactElement, useRef } from 'react';
import type { ITransfer } from '../../models/transfer';
import type { TransfersModel } from '../../models/transfers';
import { IconButton } from '../parts/buttons';
import { bytes, rate } from '../parts/format';
import { Meter } from '../parts/meter';
import { useSignal } from '../parts/useSignal';

interface IProps {
  transfers: TransfersModel;
  onRetry: (item: ITransfer) => void;
  trans: TranslationBundle;
}

/** What is on its way, each with its progress and a way to stop it. Nothing if there is nothing. */
export function TransferList({ transfers, onRetry, trans }: IProps): ReactElement {
  useSignal(transfers.changed);
  const { items } = transfers;
  return (
    <>
      <p className="kachery-unseen" aria-live="polite">
        {useAnnouncement(items, trans)}
      </p>
      {items.length > 0 && (
        <ul className="kachery-Files-transfers" aria-label={trans.__('Transfers')}>
          {items.map(item => (
            <li key={item.id} className={`kachery-Transfer kachery-mod-${item.state}`}>
              <Transfer
                item={item}
                trans={trans}
                onStop={() => transfers.cancel(item)}
                onRetry={() => onRetry(item)}
              />
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** One of them. */
export function Transfer(props: {
  item: ITransfer;
  trans: TranslationBundle;
  onStop: () => void;
  onRetry: () => void;
}): ReactElement {
  const { item, trans, onStop, onRetry } = props;
  const isGoing = item.state === 'going';
  return (
    <>
      <span className="kachery-Transfer-name" title={item.uri || item.name}>
        {item.name}
      </span>
      <span className="kachery-Transfer-facts">{factsOf(item, trans)}</span>
      <span className="kachery-Transfer-buttons">
        {item.what === 'load' && item.state === 'failed' && (
          <IconButton
            icon={refreshIcon}
            label={trans.__('Try again to load %1', item.name)}
            onClick={onRetry}
          />
        )}
        <IconButton
          icon={closeIcon}
          label={isGoing ? trans.__('Cancel %1', item.name) : trans.__('Put away')}
          onClick={onStop}
        />
      </span>
      {isGoing && (
        <Meter
          label={item.name}
          share={item.total > 0 ? item.done / item.total : null}
          text={factsOf(item, trans)}
        />
      )}
      {item.error && (
        <div role="alert" className="kachery-Transfer-error">
          <p className="kachery-Failure-message">{item.error.message}</p>
          {item.error.hint && <p className="kachery-Failure-hint">{item.error.hint}</p>}
        </div>
      )}
    </>
  );
}

/** `3.2 MB of 10 MB · 5 MB/s · 2 nodes, direct` */
function factsOf(item: ITransfer, trans: TranslationBundle): string {
  if (item.state !== 'going') {
    return item.state === 'done' ? doneWord(item, trans) : trans.__('failed');
  }
  if (item.done === 0 && item.what !== 'store') {
    return item.total > 0 ? trans.__('0 of %1', bytes(item.total)) : trans.__('looking for it…');
  }
  const amount = item.total
    ? trans.__('%1 of %2', bytes(item.done), bytes(item.total))
    : trans.__('storing…');
  const nodes = item.providers > 0 ? trans._n('%1 node', '%1 nodes', item.providers) : '';
  const way = [nodes, wayWord(item.path, trans)].filter(Boolean).join(', ');
  return [amount, item.rate > 0 ? rate(item.rate) : '', way].filter(Boolean).join(' · ');
}

function doneWord(item: ITransfer, trans: TranslationBundle): string {
  return item.what === 'store' ? trans.__('stored') : trans.__('loaded');
}

function wayWord(path: string, trans: TranslationBundle): string {
  const words: Record<string, string> = {
    direct: trans.__('direct'),
    hub: trans.__('through the hub'),
    both: trans.__('direct and through the hub')
  };
  return words[path] ?? '';
}

/** Said aloud when something begins or ends: not at every byte. */
function useAnnouncement(items: readonly ITransfer[], trans: TranslationBundle): string {
  const said = useRef({ states: new Map<string, string>(), words: '' });
  const states = new Map(items.map(item => [item.id, item.state]));
  for (const item of items) {
    if (said.current.states.get(item.id) !== item.state && item.state !== 'failed') {
      said.current.words =
        item.state === 'done'
          ? `${item.name}: ${doneWord(item, trans)}`
          : trans.__('%1 is on its way', item.name);
    }
  }
  said.current.states = states;
  return said.current.words;
}
