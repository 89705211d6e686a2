import { describe, expect, it } from 'vitest';
import { ScriptedNode, settle } from '../testing/scripted';
import { PreviewModel } from './preview';

const A = { sha1: 'a'.repeat(40), name: 'a.txt', kind: 'text' };
const B = { sha1: 'b'.repeat(40), name: 'b.txt', kind: 'text' };
const text = (words: string) => ({ body: { type: 'text', text: words, cut: false } });

function scripted() {
  return new ScriptedNode({
    [`GET previews/${A.sha1}`]: text('A'),
    [`GET previews/${B.sha1}`]: text('B')
  });
}

describe('a preview', () => {
  it('asks for nothing while it is closed', async () => {
    const node = scripted();
    new PreviewModel(node.requests).follow(A);
    await settle(120);
    expect(node.asked).toHaveLength(0);
  });

  it('follows the selection, and asks only where it rests', async () => {
    const node = scripted();
    const preview = new PreviewModel(node.requests);
    preview.open(A);
    preview.follow(B);
    await settle(150);
    expect(node.asked.map(({ path }) => path)).toEqual([`previews/${B.sha1}?name=b.txt&kind=text`]);
    expect(preview.content).toMatchObject({ text: 'B' });
  });

  it('does not ask again for what it had', async () => {
    const node = scripted();
    const preview = new PreviewModel(node.requests);
    for (const subject of [A, B, A]) {
      preview.open(subject);
      await settle(120);
    }
    expect(node.asked).toHaveLength(2);
    expect(preview.content).toMatchObject({ text: 'A' });
  });

  it('says why there is none, and tries again', async () => {
    const node = scripted();
    const error = { code: 'content-not-found', message: 'Not here.', hint: 'Load it.' };
    node.answers[`GET previews/${A.sha1}`] = { status: 404, body: { error } };
    const preview = new PreviewModel(node.requests);
    preview.open(A);
    await settle(120);
    expect(preview.error).toMatchObject({ hint: 'Load it.' });
    node.answers[`GET previews/${A.sha1}`] = text('A');
    preview.retry();
    await settle(20);
    expect(preview.error).toBeNull();
    expect(preview.content).toMatchObject({ text: 'A' });
  });

  it('forgets what is on its way when it is closed', async () => {
    const node = scripted();
    const preview = new PreviewModel(node.requests);
    preview.open(A);
    preview.close();
    await settle(120);
    expect(node.asked).toHaveLength(0);
  });
});
