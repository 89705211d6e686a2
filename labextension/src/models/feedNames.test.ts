import { describe, expect, it } from 'vitest';
import { feedLabel, isControl, parseFeedUri, subfeedLabel, subfeedUri } from './feedNames';

const FEED = 'ab'.repeat(32);
const HASH = 'cd'.repeat(20);

function named(name: unknown): { subfeed: string; name: unknown } {
  return { subfeed: HASH, name };
}

describe('names of subfeeds', () => {
  it('are shown as they are when they are text', () => {
    expect(subfeedLabel(named('picks'))).toBe('picks');
  });

  it('are shown readably when they are dicts or lists', () => {
    expect(subfeedLabel(named({ station: 'A04', day: 3 }))).toBe('station: A04, day: 3');
    expect(subfeedLabel(named({ at: { x: 1, by: ['a', 2] } }))).toBe('at: {x: 1, by: [a, 2]}');
    expect(subfeedLabel(named(['north', 2]))).toBe('north, 2');
    expect(subfeedLabel(named({}))).toBe('{}');
    expect(subfeedLabel(named([]))).toBe('[]');
  });

  it('are the start of a hash when nobody knows them', () => {
    expect(subfeedLabel(named(null))).toBe('~cdcdcdcdcd…');
  });

  it('make the same URIs as Python does', () => {
    expect(subfeedUri(FEED, named('a b/ü'))).toBe(`feed://${FEED}/a%20b/%C3%BC`);
    expect(subfeedUri(FEED, named("it's (new)!*~"))).toBe(
      `feed://${FEED}/it%27s%20%28new%29%21%2A~`
    );
    expect(subfeedUri(FEED, named({ a: 1 }))).toBe(`feed://${FEED}/~${HASH}`);
    expect(subfeedUri(FEED, named('\ud800'))).toBe(`feed://${FEED}/~${HASH}`);
  });

  it("tell the node's own subfeed from others", () => {
    expect(isControl(named({ kachery: 'control' }))).toBe(true);
    expect(isControl(named({ kachery: 'control', more: 1 }))).toBe(false);
    expect(isControl(named('control'))).toBe(false);
  });
});

describe('pasted feed URIs', () => {
  it('are read with blanks around them and in capitals', () => {
    expect(parseFeedUri(` feed://${FEED.toUpperCase()}/picks\n`)).toEqual({
      feed: FEED,
      subfeed: 'picks'
    });
    expect(parseFeedUri(`feed://${FEED}`)).toEqual({ feed: FEED, subfeed: null });
    expect(parseFeedUri(`feed://${FEED}/?channel=lab`)).toEqual({ feed: FEED, subfeed: null });
  });

  it('are refused when they are something else', () => {
    expect(parseFeedUri(`sha1://${FEED}`)).toBeNull();
    expect(parseFeedUri('feed://abc')).toBeNull();
  });
});

it('a feed without a name is called by its key', () => {
  expect(feedLabel({ name: null, feed: FEED })).toBe('ababababab…');
  expect(feedLabel({ name: 'night', feed: FEED })).toBe('night');
});
