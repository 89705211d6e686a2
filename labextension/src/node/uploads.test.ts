import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ScriptedNode } from '../testing/scripted';
import { KacheryError } from './errors';
import { upload } from './uploads';

/** What a browser has for uploads that tell how far they are. */
class FakeRequest {
  static last: FakeRequest;
  upload: { onprogress?: (event: { loaded: number; total: number }) => void } = {};
  headers: Record<string, string> = {};
  address = '';
  status = 0;
  statusText = '';
  responseText = '';
  onload?: () => void;
  onerror?: () => void;
  onabort?: () => void;
  onloadend?: () => void;
  constructor() {
    FakeRequest.last = this;
  }
  open(method: string, url: string): void {
    this.address = `${method} ${new URL(url).pathname}${new URL(url).search}`;
  }
  setRequestHeader(name: string, value: string): void {
    this.headers[name] = value;
  }
  send(): void {}
  abort(): void {
    this.onabort?.();
  }
  answer(status: number, text: string): void {
    Object.assign(this, { status, responseText: text });
    this.onload?.();
  }
}

describe('sending a file', () => {
  const { requests } = new ScriptedNode({});
  const data = new Blob(['hello']);
  const query = { name: 'a b.txt', kind: 'file' };
  beforeEach(() => {
    vi.stubGlobal('XMLHttpRequest', FakeRequest);
    document.cookie = '_xsrf=secret';
  });
  afterEach(() => vi.unstubAllGlobals());

  it("goes to the node's files, with the secret of this site", async () => {
    const sending = upload(requests, 'files', data, { query });
    expect(FakeRequest.last.address).toBe('POST /kachery/api/v1/files?name=a+b.txt&kind=file');
    expect(FakeRequest.last.headers['X-XSRFToken']).toBe('secret');
    FakeRequest.last.answer(200, '{"sha1": "x"}');
    expect(await sending).toEqual({ sha1: 'x' });
  });

  it('says how far it is', () => {
    const onProgress = vi.fn();
    void upload(requests, 'files', data, { onProgress });
    FakeRequest.last.upload.onprogress?.({ loaded: 3, total: 5 });
    expect(onProgress).toHaveBeenCalledWith(3, 5);
  });

  it('ends with the words of the node when it is refused', async () => {
    const sending = upload(requests, 'files', data);
    const error = { code: 'storage-full', message: 'No room.', hint: 'Delete something.' };
    FakeRequest.last.answer(507, JSON.stringify({ message: 'No room.', error }));
    await expect(sending).rejects.toMatchObject({ code: 'storage-full', hint: error.hint });
  });

  it('says something when a proxy answers', async () => {
    const sending = upload(requests, 'files', data);
    FakeRequest.last.answer(413, '<html>too large</html>');
    await expect(sending).rejects.toMatchObject({ status: 413 });
  });

  it('tells a lost connection from a cancelled one', async () => {
    const lost = upload(requests, 'files', data);
    FakeRequest.last.onerror?.();
    await expect(lost).rejects.toBeInstanceOf(KacheryError);
    const aborting = new AbortController();
    const cancelled = upload(requests, 'files', data, { signal: aborting.signal });
    aborting.abort();
    await expect(cancelled).rejects.toMatchObject({ name: 'AbortError' });
  });
});
