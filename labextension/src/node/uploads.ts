import type { ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { xsrf } from './downloads';
import { KacheryError } from './errors';
import type { Query, Requests } from './requests';
import type { IWireError } from './types';

interface IUploadOptions {
  query?: Query;
  signal?: AbortSignal;
  /** Bytes that left the browser. */
  onProgress?: (done: number, total: number) => void;
}

/**
 * Send a file of the user's, streamed from the disk, and say how far it is.
 *
 * `fetch` does not tell how far an upload is; this is why it is not used here. Resolves with the
 * JSON answer; rejects with a `KacheryError`, or an `AbortError` if it was given up.
 */
export function upload<T>(
  requests: Requests,
  path: string,
  data: Blob,
  options: IUploadOptions = {}
): Promise<T> {
  const request = new XMLHttpRequest();
  const { signal, onProgress } = options;
  return new Promise<T>((resolve, reject) => {
    const giveUp = () => request.abort();
    signal?.addEventListener('abort', giveUp);
    request.upload.onprogress = event => onProgress?.(event.loaded, event.total);
    request.onload = () => settle<T>(request, resolve, reject);
    request.onerror = () => reject(lost(requests.trans));
    request.onabort = () => reject(new DOMException('given up', 'AbortError'));
    request.onloadend = () => signal?.removeEventListener('abort', giveUp);
    request.open('POST', requests.url(path, options.query));
    authorize(request, requests.settings);
    request.send(data);
    if (signal?.aborted) {
      request.abort();
    }
  });
}

/** The same headers as JupyterLab's own requests. */
function authorize(request: XMLHttpRequest, settings: ServerConnection.ISettings): void {
  request.setRequestHeader('Content-Type', 'application/octet-stream');
  if (settings.token) {
    request.setRequestHeader('Authorization', `token ${settings.token}`);
  }
  const secret = xsrf();
  if (secret) {
    request.setRequestHeader('X-XSRFToken', secret);
  }
}

function settle<T>(
  request: XMLHttpRequest,
  resolve: (value: T) => void,
  reject: (reason: unknown) => void
): void {
  const body = parsed(request.responseText) as { error?: IWireError; message?: string } | null;
  if (request.status >= 200 && request.status < 300) {
    resolve(body as T);
  } else if (body?.error?.message) {
    reject(KacheryError.fromWire(body.error, request.status));
  } else {
    const words = body?.message ?? `${request.status} ${request.statusText}`;
    reject(new KacheryError('failed', words, '', request.status));
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // Proxies answer in HTML; the status says what there is to say.
  }
}

function lost(trans: TranslationBundle): KacheryError {
  return new KacheryError(
    'unreachable',
    trans.__('The connection was lost while the file was sent.'),
    trans.__('Is the Jupyter server still running? Then drop the file again.')
  );
}
