import { useCallback, useEffect, useRef, useState } from 'react';
import { KacheryError } from '../../node/errors';

/** Something a person asked for: whether it is still going on, and what came in its way. */
export interface IAction {
  isBusy: boolean;
  error: KacheryError | null;
  /** Begin it; while it goes on, another one is not begun. Resolves with whether it worked. */
  run: (work: () => Promise<unknown>) => Promise<boolean>;
  /** Show the error no longer. */
  forget: () => void;
}

/** The state of what a view does for a person, one thing at a time. */
export function useAction(): IAction {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<KacheryError | null>(null);
  const begun = useRef(false);
  const isThere = useRef(true);
  useEffect(() => {
    isThere.current = true;
    return () => {
      isThere.current = false;
    };
  }, []);
  const run = useCallback(async (work: () => Promise<unknown>): Promise<boolean> => {
    if (begun.current) {
      return false;
    }
    begun.current = true;
    setBusy(true);
    setError(null);
    let failure: KacheryError | null = null;
    try {
      await work();
    } catch (reason) {
      failure = KacheryError.of(reason);
    }
    begun.current = false;
    if (isThere.current) {
      setBusy(false);
      setError(failure);
    }
    return failure === null;
  }, []);
  const forget = useCallback(() => setError(null), []);
  return { isBusy, error, run, forget };
}
