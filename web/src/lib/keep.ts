// keep.ts - a stream that is kept up: while the page is shown, and again after it broke off.

// A browser opens few connections to one server, all its tabs together: one that nobody looks at has none.
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;

// `read` streams until `signal` is aborted; it calls `alive` when something came, and says whether that was all there is.
// `failed` hears of each failure and says whether to go on. Returns what ends it.
export function keepUp(
  read: (signal: AbortSignal, alive: () => void) => Promise<boolean>,
  failed: (error: unknown) => boolean,
): () => void {
  let running: AbortController | undefined;
  let over = false;
  const again = async (signal: AbortSignal): Promise<void> => {
    let pause = FIRST_PAUSE;
    while (!signal.aborted && !over) {
      try {
        over = await read(signal, () => (pause = FIRST_PAUSE));
      } catch (error) {
        if (signal.aborted) return;
        over = !failed(error);
      }
      await new Promise((done) => setTimeout(done, pause));
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    }
  };
  const follow = (): void => {
    if (!document.hidden && !over) {
      if (!running) void again((running = new AbortController()).signal);
    } else {
      running?.abort();
      running = undefined;
    }
  };
  document.addEventListener("visibilitychange", follow);
  follow();
  return () => {
    over = true;
    document.removeEventListener("visibilitychange", follow);
    follow();
  };
}
