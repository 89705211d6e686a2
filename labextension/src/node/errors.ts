import type { IWireError } from './types';

/** A request that did not succeed, in words for people. */
export class KacheryError extends Error {
  /** @param status - HTTP status, 0 when there was no answer. */
  constructor(
    readonly code: string,
    message: string,
    readonly hint: string = '',
    readonly status: number = 0,
    readonly fields: Record<string, unknown> = {}
  ) {
    super(message);
    this.name = 'KacheryError';
  }

  static fromWire(error: IWireError, status = 0): KacheryError {
    return new KacheryError(
      error.code,
      error.message,
      error.hint ?? '',
      status,
      error.fields ?? {}
    );
  }

  /** Any thrown thing, as one of these: what is shown to people is always one. */
  static of(reason: unknown): KacheryError {
    if (reason instanceof KacheryError) {
      return reason;
    }
    return new KacheryError(
      'unexpected',
      reason instanceof Error ? reason.message : String(reason)
    );
  }
}

/** True when the request was given up on purpose. */
export function isAbort(reason: unknown): boolean {
  return (reason as { name?: unknown } | null)?.name === 'AbortError';
}
