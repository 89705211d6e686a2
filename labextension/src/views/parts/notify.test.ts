import { Notification } from '@jupyterlab/apputils';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { KacheryError } from '../../node/errors';
import { attempt, tell, tellError } from './notify';

describe('a notification', () => {
  beforeEach(() => Notification.dismiss());

  const last = () => Notification.manager.notifications[0];

  it('of an error has its hint, and stays', () => {
    tellError(new KacheryError('gone', 'Nobody has it.', 'Ask its owner.'));
    expect(last().message).toBe('Nobody has it.\nAsk its owner.');
    expect(last().options.autoClose).toBe(false);
  });

  it('is not made of what was given up on purpose', () => {
    tellError(new DOMException('given up', 'AbortError'));
    expect(Notification.manager.count).toBe(0);
  });

  it('can be taken back where that is possible', () => {
    const execute = vi.fn();
    tell('Deleted', { label: 'Undo', execute });
    last().options.actions?.[0].callback(new MouseEvent('click'));
    expect(execute).toHaveBeenCalled();
  });

  it('says what became of something that a person asked for', async () => {
    expect(await attempt(() => Promise.resolve(3))).toBe(3);
    expect(await attempt(() => Promise.reject(new Error('oops')))).toBeUndefined();
    expect(last().message).toBe('oops');
  });
});
