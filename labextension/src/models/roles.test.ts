import { describe, expect, it } from 'vitest';
import { sameRoles, topicsOf, withRole } from './roles';

describe('roles', () => {
  it('are turned on and off, and stay in the usual order', () => {
    expect(withRole(['request-tasks'], 'provide-files', true)).toEqual([
      'provide-files',
      'request-tasks'
    ]);
    expect(withRole(['request-files', 'provide-files'], 'request-files', false)).toEqual([
      'provide-files'
    ]);
    expect(withRole(['request-files'], 'request-files', true)).toEqual(['request-files']);
  });

  it('are the same in whatever order', () => {
    expect(sameRoles(['request-files', 'provide-feeds'], ['provide-feeds', 'request-files'])).toBe(
      true
    );
    expect(sameRoles(['request-files'], [])).toBe(false);
  });

  it('are summed up by topic', () => {
    expect(topicsOf(['provide-feeds', 'request-files', 'provide-files'])).toEqual([
      { topic: 'files', request: true, provide: true },
      { topic: 'feeds', request: false, provide: true }
    ]);
  });
});
