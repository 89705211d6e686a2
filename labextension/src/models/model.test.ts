import { ServerConnection } from '@jupyterlab/services';
import { describe, expect, it } from 'vitest';
import { Events } from '../node/events';
import { Requests } from '../node/requests';
import { Model } from './model';

class Counted extends Model {
  fetched = 0;
  protected async fetch(): Promise<void> {
    await Promise.resolve();
    this.fetched += 1;
  }
}

class SilentSocket {
  readyState = 0;
  close(): void {}
}

describe('a model', () => {
  const settings = ServerConnection.makeSettings({
    baseUrl: 'http://127.0.0.1:8888/',
    WebSocket: SilentSocket as unknown as typeof WebSocket
  });
  const events = new Events(settings);
  const model = new Counted(new Requests(settings), events, ['files']);

  it('asks for nothing until somebody looks', async () => {
    await model.refresh();
    expect(model.fetched).toBe(0);
    expect(model.state).toBe('loading');
    const watch = model.watch();
    await model.refresh();
    expect(model.fetched).toBeGreaterThan(0);
    expect(model.state).toBe('ready');
    watch.dispose();
  });
});
