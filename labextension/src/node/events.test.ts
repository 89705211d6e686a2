import { ServerConnection } from '@jupyterlab/services';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Events } from './events';
import type { IEvent } from './types';

/** Sockets that were opened, the newest last. */
let sockets: Socket[] = [];

class Socket {
  readyState = 0;
  sent: unknown[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  constructor(readonly url: string) {
    sockets.push(this);
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.readyState = 3;
    this.onclose?.();
  }
  accept(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  say(event: IEvent): void {
    this.onmessage?.({ data: JSON.stringify(event) });
  }
}

function show(page: 'visible' | 'hidden'): void {
  vi.spyOn(document, 'hidden', 'get').mockReturnValue(page === 'hidden');
  document.dispatchEvent(new Event('visibilitychange'));
}

describe('events', () => {
  let events: Events;
  beforeEach(() => {
    vi.useFakeTimers();
    sockets = [];
    const settings = ServerConnection.makeSettings({
      baseUrl: 'http://127.0.0.1:8888/',
      wsUrl: 'ws://127.0.0.1:8888/',
      appendToken: false,
      WebSocket: Socket as unknown as typeof WebSocket
    });
    events = new Events(settings);
  });
  afterEach(() => {
    events.dispose();
    vi.useRealTimers();
  });

  it('are heard over one socket, however many listen', () => {
    const first = events.hold();
    events.hold();
    expect(sockets.map(({ url }) => url)).toEqual(['ws://127.0.0.1:8888/kachery/api/v1/events']);
    first.dispose();
    expect(events.visible).toBe(true);
  });

  it('need no socket while nobody listens', () => {
    expect(sockets).toEqual([]);
    events.hold().dispose();
    expect(events.visible).toBe(false);
    expect(sockets[0].readyState).toBe(3);
    vi.runAllTimers();
    expect(sockets.length).toBe(1);
  });

  it('need no socket while the page is hidden', () => {
    events.hold();
    show('hidden');
    expect(sockets[0].readyState).toBe(3);
    show('visible');
    expect(sockets.length).toBe(2);
  });

  it('go on when the socket broke, later each time', () => {
    events.hold();
    sockets[0].close();
    expect(sockets.length).toBe(1);
    vi.advanceTimersByTime(250);
    expect(sockets.length).toBe(2);
    sockets[1].close();
    vi.advanceTimersByTime(250);
    expect(sockets.length).toBe(2);
    vi.advanceTimersByTime(250);
    expect(sockets.length).toBe(3);
    sockets[2].accept();
    sockets[2].close();
    vi.advanceTimersByTime(250);
    expect(sockets.length).toBe(4);
  });

  it('tell what changed', () => {
    const heard: string[][] = [];
    events.changed.connect((_, nouns) => heard.push([...nouns]));
    events.hold();
    sockets[0].say({ type: 'changed', nouns: ['files', 'transfers'] });
    expect(heard).toEqual([['files', 'transfers']]);
  });

  it('outlive words that a newer server says', () => {
    events.hold();
    sockets[0].say({ type: 'weather', sky: 'blue' } as unknown as IEvent);
    sockets[0].onmessage?.({ data: 'no JSON at all' });
    expect(events.visible).toBe(true);
  });

  it('go on with a tail where it was when the socket broke', () => {
    events.tail('feed://a/b', -10);
    sockets[0].accept();
    expect(sockets[0].sent).toEqual([{ tail: 'feed://a/b', from: -10 }]);
    sockets[0].say({ type: 'messages', uri: 'feed://a/b', first: 90, messages: [1, 2, 3] });
    sockets[0].close();
    vi.advanceTimersByTime(250);
    sockets[1].accept();
    expect(sockets[1].sent).toEqual([{ tail: 'feed://a/b', from: 93 }]);
  });

  it('end a tail that nobody reads any more', () => {
    const holder = events.hold();
    const tail = events.tail('feed://a/b', 0);
    sockets[0].accept();
    tail.dispose();
    expect(sockets[0].sent.at(-1)).toEqual({ untail: 'feed://a/b' });
    holder.dispose();
    expect(events.visible).toBe(false);
  });

  it('tell why a tail ended', () => {
    const heard: string[] = [];
    events.tailFailed.connect((_, { error }) => heard.push(error.hint));
    events.tail('feed://a/b', 0);
    const error = { code: 'feed-not-found', message: 'Gone.', hint: 'Look elsewhere.' };
    sockets[0].say({ type: 'tail_error', uri: 'feed://a/b', error });
    expect(heard).toEqual(['Look elsewhere.']);
  });
});
