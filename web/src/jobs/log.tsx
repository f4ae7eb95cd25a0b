// log.tsx - what server and workers wrote about one job, line by line as it comes.
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { CallError, collect, stream } from "../api/client";
import type { ReadLogResponse_Line } from "../api/wire";
import { seconds } from "../api/values";
import { clock, count, plural } from "../lib/format";
import { asCallError, useAction } from "../lib/hooks";
import { keepUp } from "../lib/keep";
import { ErrorBox, Wait, download } from "../ui/parts";

type Line = ReadLogResponse_Line;

const MOST_SHOWN = 1000; // the last ones; all of them are saved
const SOON = 100; // ms from a line to the page that shows it

interface Log {
  lines: Line[];
  dropped: number; // earlier lines than those
  begun: boolean; // the server has answered
  ended: boolean; // no more will come
  error?: CallError;
}
const NOTHING: Log = { lines: [], dropped: 0, begun: false, ended: false };

// Follows the log of a job to the job's end.
function useLog(job_id: string): Log {
  const [log, setLog] = useState(NOTHING);
  useEffect(() => {
    let next = NOTHING;
    let timer: number | undefined;
    const show = (): void => {
      timer ??= window.setTimeout(() => {
        timer = undefined;
        setLog(next);
      }, SOON);
    };
    const read = async (signal: AbortSignal, alive: () => void): Promise<boolean> => {
      next = { ...NOTHING, lines: [], begun: next.begun };
      for await (const { lines } of stream("JobService/ReadLog", { job_id, follow: true }, signal)) {
        alive();
        const all = [...next.lines, ...lines];
        const beyond = Math.max(0, all.length - MOST_SHOWN);
        next = { ...NOTHING, lines: all.slice(beyond), dropped: next.dropped + beyond, begun: true };
        show();
      }
      next = { ...next, begun: true, ended: true };
      show();
      return true;
    };
    const failed = (error: unknown): boolean => {
      next = { ...next, begun: true, error: asCallError(error) };
      show();
      return error instanceof CallError && error.status === "UNAVAILABLE";
    };
    const stop = keepUp(read, failed);
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [job_id]);
  return log;
}

// "info", "warning", "error": the word that a line begins with.
function Text({ text }: { text: string }): JSX.Element {
  const [, level, rest] = /^(\w+) (.*)$/s.exec(text) ?? [];
  if (!level || level === "info" || level === "debug") return <>{text}</>;
  return (
    <>
      <strong class={`level-${level}`}>{level}</strong> {rest}
    </>
  );
}

const timeOf = (line: Line): string => new Date(seconds(line.time) * 1000).toLocaleTimeString("en-GB");

// Stays at its end while new lines come, unless somebody looks further up.
function Lines({ of, label }: { of: Log; label: string }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    if (atEnd.current) box.current!.scrollTop = box.current!.scrollHeight;
  }, [of.lines]);
  const look = (): void => {
    const { scrollTop, clientHeight, scrollHeight } = box.current!;
    atEnd.current = scrollTop + clientHeight > scrollHeight - 24;
  };
  return (
    <div class="log mono" ref={box} role="log" aria-live="off" aria-label={label} tabIndex={0} onScroll={look}>
      {of.lines.map((line, i) => (
        <div key={of.dropped + i}>
          <time dateTime={line.time} title={clock(seconds(line.time))}>
            {timeOf(line)}
          </time>{" "}
          <span class="dim">{line.source}</span> <Text text={line.text} />
        </div>
      ))}
    </div>
  );
}

function stateOf({ lines, dropped, ended, error }: Log): string {
  const shown = dropped ? `The last ${count(lines.length)} of ${count(lines.length + dropped)} lines` : plural(lines.length, "line");
  return `${shown}; ${ended ? "no more will come" : error ? "interrupted" : "new ones follow as they are written"}`;
}

export function JobLog({ job }: { job: string }): JSX.Element {
  const log = useLog(job);
  const { busy, error, run } = useAction();
  const save = (): void =>
    run(async () => {
      const parts = await collect("JobService/ReadLog", { job_id: job });
      const lines = parts.flatMap((part) => part.lines).map((line) => `${line.time ?? ""} ${line.source} ${line.text}\n`);
      download(`${job}.log`, "text/plain", lines.join(""));
    });
  if (log.error && log.error.status !== "UNAVAILABLE") return <ErrorBox error={log.error} doing="Reading the log" />;
  if (!log.begun) return <Wait what="the log" />;
  if (log.lines.length === 0 && log.ended)
    return <p class="note">There are no lines about {job}: its worker ran elsewhere, or they are too old.</p>;
  return (
    <div class="stack">
      {log.lines.length > 0 && <Lines of={log} label={`Log of ${job}`} />}
      <div class="row spread">
        <p class="note" role="status">
          {stateOf(log)}
        </p>
        <button type="button" class="button tiny screen-only" disabled={busy || log.lines.length === 0} onClick={save}>
          Save
        </button>
      </div>
      {error && <ErrorBox error={error} doing="Saving" />}
    </div>
  );
}
