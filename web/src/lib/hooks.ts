// hooks.ts - what a view needs of the server and of time.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { CallError } from "../api/client";

export interface Loaded<T> {
  value?: T;
  error?: CallError;
  loading: boolean;
  reload: () => void;
}

export const asCallError = (error: unknown): CallError =>
  error instanceof CallError ? error : new CallError("INTERNAL", error instanceof Error ? error.message : String(error));

// Loads anew when `key` changes; the old value stays while the new one of the same `key` is on its way (reload).
export function useLoaded<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ key: string; value?: T; error?: CallError; loading: boolean }>({ key, loading: true });
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    const stop = new AbortController();
    setState((old) => (old.key === key ? { ...old, loading: true } : { key, loading: true }));
    latest
      .current(stop.signal)
      .then((value) => !stop.signal.aborted && setState({ key, value, loading: false }))
      .catch((error) => {
        if (!stop.signal.aborted) setState((old) => ({ key, value: old.value, error: asCallError(error), loading: false }));
      });
    return () => stop.abort();
  }, [key, turn]);
  const reload = useCallback(() => setTurn((t) => t + 1), []);
  return state.key === key ? { ...state, reload } : { loading: true, reload };
}

// Runs `act` at most once in `every` ms while `signal` (any value) changes, at the end of each interval.
export function useThrottled(signal: unknown, every: number, act: () => void): void {
  const timer = useRef<number | undefined>(undefined);
  const first = useRef(true);
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    timer.current ??= window.setTimeout(() => {
      timer.current = undefined;
      latest.current();
    }, every);
  }, [signal]);
  useEffect(() => () => clearTimeout(timer.current), []);
}

// Runs `act` every `every` ms while the page is shown.
export function useEvery(every: number, act: () => void): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && latest.current(), every);
    return () => clearInterval(timer);
  }, [every]);
}

// Unix time, renewed every `every` ms.
export function useNow(every = 1000): number {
  const [now, setNow] = useState(Date.now() / 1000);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now() / 1000), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

// An action of a button: whether it is under way and what went wrong with it.
export function useAction(): { busy: boolean; error?: CallError; run: (act: () => Promise<void>) => void; clear: () => void } {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<CallError>();
  const run = (act: () => Promise<void>): void => {
    setBusy(true);
    setError(undefined);
    act()
      .catch((failure) => setError(asCallError(failure)))
      .finally(() => setBusy(false));
  };
  return { busy, error, run, clear: () => setError(undefined) };
}
