import type { Events } from '../node/events';
import type { Requests } from '../node/requests';
import { Model } from './model';

/** How the node is. */
export class NodeModel extends Model {
  constructor(requests: Requests, events: Events) {
    super(requests, events, ['status']);
  }

  protected async fetch(): Promise<void> {
    await this.requests.get('status');
  }
}
