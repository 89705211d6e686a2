import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReactElement } from 'react';
import { visible } from '../../models/visible';
import type { IHubLink } from '../../node/nodeTypes';

const LOOKS: Record<IHubLink['state'], string> = {
  connected: 'good',
  connecting: 'fair',
  revoked: 'bad',
  expired: 'bad',
  off: 'off'
};

/** The hub of each channel, and whether this node is connected to it. */
export function Hubs(props: { hubs: readonly IHubLink[]; trans: TranslationBundle }): ReactElement {
  const { hubs, trans } = props;
  if (hubs.length === 0) {
    return <span>{trans.__('None: this node is in no channel yet')}</span>;
  }
  const words: Record<IHubLink['state'], string> = {
    connected: trans.__('connected'),
    connecting: trans.__('connecting…'),
    revoked: trans.__('this node was removed'),
    expired: trans.__('the membership ended'),
    off: trans.__('not sharing')
  };
  return (
    <ul className="kachery-Node-hubs">
      {hubs.map(({ channel_id, name, hub, state, problem }) => (
        <li key={channel_id} title={visible(hub)}>
          <span className={`kachery-Node-dot kachery-mod-${LOOKS[state] ?? 'off'}`}>
            {trans.__('%1: %2', visible(name), words[state] ?? state)}
          </span>
          {problem && <div className="kachery-Node-hubs-problem">{visible(problem)}</div>}
        </li>
      ))}
    </ul>
  );
}
