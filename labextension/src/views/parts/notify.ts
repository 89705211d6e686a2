import { Clipboard, Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { isAbort, KacheryError } from '../../node/errors';

/** Say that it was done. With `undo`, it can be taken back for ten seconds. */
export function tell(message: string, undo?: { label: string; execute: () => void }): void {
  const actions = undo ? [{ label: undo.label, callback: undo.execute }] : [];
  Notification.success(message, { autoClose: undo ? 10000 : 3000, actions });
}

/** Say what went wrong, and what to do next. It stays until it is closed. */
export function tellError(reason: unknown): void {
  if (isAbort(reason)) {
    return;
  }
  const { message, hint } = KacheryError.of(reason);
  Notification.error(hint ? `${message}\n${hint}` : message, { autoClose: false });
}

/** Do something that a person asked for; if it fails, they are told. */
export async function attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (reason) {
    tellError(reason);
    return undefined;
  }
}

/** Put text on the clipboard, and say so. */
export function copy(text: string, trans: TranslationBundle): void {
  Clipboard.copyToSystem(text);
  tell(trans.__('Copied %1', text));
}
