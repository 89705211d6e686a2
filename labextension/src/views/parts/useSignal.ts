import type { ISignal } from '@lumino/signaling';
import { useEffect, useReducer } from 'react';

/** Render again whenever `signal` is emitted. */
export function useSignal<T, U>(signal: ISignal<T, U>): void {
  const [, again] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const slot = (): void => again();
    signal.connect(slot);
    // What was emitted between the first rendering and now was not heard.
    again();
    return () => {
      signal.disconnect(slot);
    };
  }, [signal]);
}
