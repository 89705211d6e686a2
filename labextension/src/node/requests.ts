import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { nullTranslator, type TranslationBundle } from '@jupyterlab/translation';
import { KacheryError } from './errors';
import type { IWireError } from './types';

/** Values of a query string; those that are undefined are left out. */
export type Query = Record<string, string | number | boolean | undefined>;

interface IOptions {
  query?: Query;
  signal?: AbortSignal;
}

/** The part of the Jupyter server that is ours. */
export const API = 'kachery/api/v1';

/**
 * Asks the node through the Jupyter server.
 *
 * Every method resolves with the decoded JSON body, and rejects with a `KacheryError`; only a
 * request given up through `signal` rejects with the browser's `AbortError`.
 */
export class Requests {
  constructor(
    readonly settings: ServerConnection.ISettings,
    readonly trans: TranslationBundle = nullTranslator.load('kachery')
  ) {}

  get<T>(path: string, options: IOptions = {}): Promise<T> {
    return this._send<T>(path, { method: 'GET' }, options);
  }

  post<T>(path: string, body: unknown = {}, options: IOptions = {}): Promise<T> {
    return this._send<T>(path, { method: 'POST', body: JSON.stringify(body) }, options);
  }

  delete<T>(path: string, options: IOptions = {}): Promise<T> {
    return this._send<T>(path, { method: 'DELETE' }, options);
  }

  /** Send bytes as they are; the browser streams a `File` from the disk. */
  upload<T>(path: string, data: Blob, options: IOptions = {}): Promise<T> {
    const headers = { 'Content-Type': 'application/octet-stream' };
    return this._send<T>(path, { method: 'POST', body: data, headers }, options);
  }

  /** Address of `path` (its parts already encoded), for images and downloads. */
  url(path: string, query: Query = {}): string {
    const given = Object.entries(query).filter(([, value]) => value !== undefined);
    const text = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
    return URLExt.join(this.settings.baseUrl, API, path) + (text ? `?${text}` : '');
  }

  private async _send<T>(path: string, init: RequestInit, options: IOptions): Promise<T> {
    const response = await this._answer(this.url(path, options.query), {
      // Revalidated rather than 'no-store', which would add a made-up argument to the query.
      cache: 'no-cache',
      signal: options.signal,
      ...init
    });
    const body: unknown = await response.json().catch(() => null);
    if (!response.ok) {
      throw this._failure(response, body);
    }
    return body as T;
  }

  private async _answer(url: string, init: RequestInit): Promise<Response> {
    try {
      return await ServerConnection.makeRequest(url, init, this.settings);
    } catch (reason) {
      if (init.signal?.aborted) {
        throw new DOMException('given up', 'AbortError');
      }
      if (reason instanceof ServerConnection.NetworkError) {
        throw new KacheryError(
          'unreachable',
          this.trans.__('The Jupyter server does not answer.'),
          this.trans.__('Is it still running? The page tries again by itself.')
        );
      }
      throw KacheryError.of(reason);
    }
  }

  /** What an answer that is no success means. */
  private _failure({ status, statusText }: Response, body: unknown): KacheryError {
    const told = body as { message?: string; error?: IWireError } | null;
    if (told?.error?.message) {
      return KacheryError.fromWire(told.error, status);
    }
    const [code, message, hint] = this._meaning(status, told?.message) ?? [
      'failed',
      told?.message || `${status} ${statusText}`,
      ''
    ];
    return new KacheryError(code, message, hint, status);
  }

  /** What Jupyter itself means with a status, when the node did not speak. */
  private _meaning(status: number, message?: string): [string, string, string] | null {
    if (status === 401 || status === 403) {
      const words = this.trans.__('The Jupyter server refused the request.');
      return ['unauthorized', words, this.trans.__('Log in again: reload the page.')];
    }
    if (status === 404 && !message) {
      const words = this.trans.__('The server extension of kachery is not running.');
      return ['no_extension', words, this.trans.__('See: jupyter server extension list')];
    }
    return null;
  }
}
