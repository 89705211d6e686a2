import { ServerConnection } from '@jupyterlab/services';
import { Events } from '../node/events';
import { Requests } from '../node/requests';
import type { IEvent } from '../node/types';

/** What was asked of the node. */
export interface IAsked {
  method: string;
  /** After `kachery/api/v1/`, with its query. */
  path: string;
  body: unknown;
}

/** An answer: a status and a JSON body. */
export type Answer = { status?: number; body: unknown };

class Socket {
  static last: Socket | null = null;
  readyState = 0;
  sent: unknown[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  constructor() {
    Socket.last = this;
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.readyState = 3;
  }
}

/** A node that answers by a script, and tells what the test has it tell. */
export class ScriptedNode {
  /** `answers` by `METHOD path`, without the query; a function is asked for each answer anew. */
  constructor(readonly answers: Record<string, Answer | ((asked: IAsked) => Answer)>) {
    const settings = ServerConnection.makeSettings({
      baseUrl: 'http://127.0.0.1:8888/',
      wsUrl: 'ws://127.0.0.1:8888/',
      fetch: (input, init) => this._answer(input as Request, init),
      WebSocket: Socket as unknown as typeof WebSocket
    });
    this.requests = new Requests(settings);
    this.events = new Events(settings);
  }

  readonly requests: Requests;
  readonly events: Events;
  readonly asked: IAsked[] = [];

  /** What the page said over its socket. */
  get heard(): unknown[] {
    return Socket.last?.sent ?? [];
  }

  /** The socket is open from now on. */
  connect(): void {
    const socket = Socket.last;
    if (socket) {
      socket.readyState = 1;
      socket.onopen?.();
    }
  }

  /** Have the page hear an event. */
  tell(event: IEvent): void {
    Socket.last?.onmessage?.({ data: JSON.stringify(event) });
  }

  private async _answer(request: Request, init?: RequestInit): Promise<Response> {
    const url = new URL(request.url);
    const path = url.pathname.replace('/kachery/api/v1/', '');
    const method = init?.method ?? request.method;
    const text = await request.clone().text();
    const asked = {
      method,
      path: path + url.search,
      body: text ? (JSON.parse(text) as unknown) : null
    };
    this.asked.push(asked);
    const script = this.answers[`${method} ${path}`];
    const answer = typeof script === 'function' ? script(asked) : script;
    return new Response(JSON.stringify(answer?.body ?? {}), {
      status: answer ? (answer.status ?? 200) : 404
    });
  }
}

/** Let what was begun go on to its end. */
export function settle(msec = 0): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, msec));
}
