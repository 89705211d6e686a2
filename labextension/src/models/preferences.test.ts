import { describe, expect, it } from 'vitest';
import { preferencesIn, USUAL } from './preferences';

describe('preferences', () => {
  it('are as usual where nothing was chosen', () => {
    expect(preferencesIn({})).toEqual(USUAL);
  });

  it('are what was chosen', () => {
    expect(preferencesIn({ insertImport: false, confirmDeletes: true })).toEqual({
      insertImport: false,
      confirmDeletes: true
    });
  });

  it('are as usual where something else stands', () => {
    expect(preferencesIn({ insertImport: 'no', confirmDeletes: null })).toEqual(USUAL);
  });
});
