import { nullTranslator } from '@jupyterlab/translation';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { KacheryError } from '../../node/errors';
import { Screen } from '../../testing/screen';
import { Empty, Stateful } from './states';

const trans = nullTranslator.load('kachery');
const error = new KacheryError('gone', '<b>The node</b> is gone.', 'Start it again.');

describe('what a section shows', () => {
  let screen: Screen;
  afterEach(() => screen.close());

  function stateful(state: 'loading' | 'ready' | 'error', known = false): () => Promise<void> {
    const refresh = vi.fn(() => Promise.resolve());
    const model = { state, error: state === 'error' ? error : null, refresh };
    screen = new Screen(
      <Stateful model={model} trans={trans} known={known}>
        {() => <p>content</p>}
      </Stateful>
    );
    return refresh;
  }

  it('says that it loads', () => {
    stateful('loading');
    expect(screen.find('status').getAttribute('aria-busy')).toBe('true');
    expect(screen.text).toBe('Loading…');
  });

  it('shows what is known', () => {
    stateful('ready');
    expect(screen.text).toBe('content');
  });

  it('says what went wrong, as text, with its hint and a way to try again', async () => {
    const refresh = stateful('error');
    expect(screen.find('alert').textContent).toContain('<b>The node</b> is gone.');
    expect(screen.text).toContain('Start it again.');
    await screen.click(screen.find('button', 'Try again'));
    expect(refresh).toHaveBeenCalled();
  });

  it('keeps showing what it knew when a request failed', () => {
    stateful('error', true);
    expect(screen.text).toContain('is gone.');
    expect(screen.text).toContain('content');
  });

  it('says what would be here, and how it comes', () => {
    screen = new Screen(<Empty title="No files yet" hint="Drop one here." />);
    expect(screen.find('status').textContent).toBe('No files yetDrop one here.');
  });
});
