// curve.tsx - one series of some jobs: at most a thousand points at first, and those of a range when somebody looks closer.
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { collect } from "../api/client";
import { double, long } from "../api/values";
import { Chart, type Range } from "../chart/chart";
import type { Line } from "../chart/lines";
import { useLoaded } from "../lib/hooks";
import { ErrorBox, Wait } from "../ui/parts";
import { shownText } from "./points";

export interface CurveOf {
  job: string;
  label: string;
  color: string;
}
interface Read {
  steps: number[];
  values: number[];
  total: number; // points of the range, of which these are shown
}

const MOST_POINTS = 1000; // of a chart of one job
const LEAST_POINTS = 100; // of each job, however many there are

export async function readCurve(
  job_id: string,
  series: string,
  most: number,
  range: Range | undefined,
  signal: AbortSignal,
): Promise<Read> {
  const bounds = range && { from_step: String(Math.max(0, Math.floor(range[0]))), to_step: String(Math.max(0, Math.ceil(range[1]))) };
  const parts = await collect("CurveService/ReadCurve", { job_id, series, max_points: most, ...bounds }, signal);
  return {
    steps: parts.flatMap((p) => p.steps.map(long)),
    values: parts.flatMap((p) => p.values.map(double)),
    total: Math.max(0, ...parts.map((p) => long(p.points_total))),
  };
}

// True once the element has come near the screen.
function useSeen(): [boolean, { current: HTMLDivElement | null }] {
  const element = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const watcher = new IntersectionObserver((entries) => entries.some((e) => e.isIntersecting) && setSeen(true), { rootMargin: "300px" });
    watcher.observe(element.current!);
    return () => watcher.disconnect();
  }, []);
  return [seen, element];
}

interface Props {
  series: string;
  jobs: CurveOf[];
  turn: number; // a new number: read again
  log: boolean;
  sync?: string;
  level?: "h3" | "h4";
}

export function CurveChart({ series, jobs, turn, log, sync, level }: Props): JSX.Element {
  const [seen, element] = useSeen();
  const [range, setRange] = useState<Range>();
  const most = Math.max(LEAST_POINTS, Math.floor(MOST_POINTS / jobs.length));
  const key = `${series}/${jobs.map((j) => j.job).join()}/${seen}`;
  const read = useLoaded(key, (signal) =>
    seen ? Promise.all(jobs.map((j) => readCurve(j.job, series, most, range, signal))) : Promise.resolve(undefined),
  );
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) read.reload();
    first.current = false;
  }, [range, turn]);
  const lines = useMemo(
    (): Line[] =>
      (read.value ?? []).flatMap((curve, i) =>
        curve.steps.length
          ? [
              {
                key: jobs[i].job,
                label: jobs[i].label,
                color: jobs[i].color,
                kind: jobs.length > 1 ? "seed" : "mean",
                x: curve.steps,
                y: curve.values,
              },
            ]
          : [],
      ),
    [read.value],
  );
  const shown = (read.value ?? []).reduce((n, curve) => n + curve.steps.length, 0);
  const total = (read.value ?? []).reduce((n, curve) => n + curve.total, 0);
  return (
    <div ref={element} data-series={series}>
      {read.error && <ErrorBox error={read.error} doing={`Reading ${series}`} />}
      {read.value ? (
        <Chart
          title={series}
          level={level}
          note={<span class="points">{shownText(shown, total)}</span>}
          lines={lines}
          xLabel="update"
          logY={log}
          height={12.5}
          sync={sync}
          onZoom={setRange}
        />
      ) : (
        <div class="chart card">
          <Wait what={series} />
        </div>
      )}
    </div>
  );
}
