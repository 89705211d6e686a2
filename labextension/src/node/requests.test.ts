import { ServerConnection } from '@jupyterlab/services';
import { describe, expect, it } from 'vitest';
import { isAbort, KacheryError } from './errors';
import { Requests } from './requests';

/** Requests that are answered by `answer`; what was asked stands in `asked`. */
function scripted(answer: (request: Request) => Response | Promise<Response>): {
  asked: Request[];
  requests: Requests;
} {
  const asked: Request[] = [];
  const settings = ServerConnection.makeSettings({
    baseUrl: 'http://127.0.0.1:8888/user/ann/',
    fetch: async input => {
      asked.push(input as Request);
      return answer(input as Request);
    }
  });
  return { asked, requests: new Requests(settings) };
}

const json = (value: unknown, status = 200): Response =>
  new Response(JSON.stringify(value), { status });

/** What a promise is rejected with. */
async function failure(work: Promise<unknown>): Promise<KacheryError> {
  const reason: unknown = await work.then(
    () => null,
    (why: unknown) => why
  );
  expect(reason).toBeInstanceOf(KacheryError);
  return reason as KacheryError;
}

describe('requests', () => {
  it('go to our part of the server, below its base address', async () => {
    const { asked, requests } = scripted(() => json({ files: [] }));
    await requests.get('files', { query: { search: 'a b&c', limit: 10, kind: undefined } });
    const address = 'http://127.0.0.1:8888/user/ann/kachery/api/v1/files?search=a+b%26c&limit=10';
    expect(asked.map(({ url }) => url)).toEqual([address]);
  });

  it('send values as JSON and files as they are', async () => {
    const { asked, requests } = scripted(() => json({}));
    await requests.post('sharing', { enabled: false });
    await requests.upload('files', new Blob(['abc']), { query: { name: 'a.txt' } });
    expect(await asked[0].text()).toBe('{"enabled":false}');
    expect(asked[1].headers.get('Content-Type')).toBe('application/octet-stream');
  });

  it("keep the node's error whole", async () => {
    const error = {
      code: 'content-not-found',
      message: 'Nobody has it.',
      hint: 'Ask its owner.',
      fields: { sha1: 'ab' }
    };
    const { requests } = scripted(() => json({ message: 'Nobody has it.', error }, 404));
    const told = await failure(requests.get('files/ab'));
    expect(told).toMatchObject({ ...error, status: 404 });
  });

  it('say that the page has to log in again', async () => {
    const { requests } = scripted(() => json({ message: 'Forbidden' }, 403));
    expect(await failure(requests.get('status'))).toMatchObject({ code: 'unauthorized' });
  });

  it('say that the server extension is missing', async () => {
    const { requests } = scripted(() => new Response('<html>Not Found</html>', { status: 404 }));
    const told = await failure(requests.get('status'));
    expect(told).toMatchObject({ code: 'no_extension' });
    expect(told.hint).toContain('jupyter server extension list');
  });

  it('say that the server does not answer', async () => {
    const { requests } = scripted(() => Promise.reject(new TypeError('Failed to fetch')));
    expect(await failure(requests.get('status'))).toMatchObject({ code: 'unreachable', status: 0 });
  });

  it('show the status of an answer that nobody can read', async () => {
    const { requests } = scripted(() => new Response('oops', { status: 502, statusText: 'Bad' }));
    expect((await failure(requests.get('status'))).message).toBe('502 Bad');
  });

  it('are given up without an error message', async () => {
    const { requests } = scripted(
      ({ signal }) =>
        new Promise((_, reject) =>
          signal.addEventListener('abort', () => reject(new DOMException('', 'AbortError')))
        )
    );
    const aborting = new AbortController();
    const work = requests.get('status', { signal: aborting.signal });
    aborting.abort();
    const reason: unknown = await work.catch((why: unknown) => why);
    expect(isAbort(reason)).toBe(true);
  });
});
