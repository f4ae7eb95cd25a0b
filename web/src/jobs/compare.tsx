// compare.tsx - any jobs side by side: arms are those that differ in nothing but the seed.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { collect } from "../api/client";
import { textOf } from "../api/values";
import { armColor } from "../chart/colors";
import { short } from "../lib/format";
import { useLoaded } from "../lib/hooks";
import { type Place, hrefOf } from "../router";
import { Num, Show } from "../ui/parts";
import { Swatch } from "../ui/swatch";
import { CurveChart, type CurveOf } from "./curve";

interface Cell {
  series: string;
  better: "lower" | "higher";
  arm: string;
  at_step: number;
  n: number;
  diverged: number;
  mean: number | null;
  interval: [number, number] | null;
  pairs: number;
  difference: number | null;
  difference_interval: [number, number] | null;
  p_holm: number | null;
}
interface Comparison {
  arms: { arm: string; runs: { job_id: string; seed: number; state: string }[] }[];
  cells: Cell[];
}

async function loadComparison(job_ids: string[], signal: AbortSignal): Promise<Comparison> {
  const parts = await collect("ComparisonService/CompareJobs", { job_ids, format: "FORMAT_JSON" }, signal);
  return JSON.parse(textOf(parts.map((p) => p.content)));
}

function CellView({ cell, first }: { cell?: Cell; first: boolean }): JSX.Element {
  if (!cell || cell.mean === null) return <td class="dim">{"\u2013"}</td>;
  return (
    <td>
      <Num text={short(cell.mean, 4)} />
      <span class="sub">
        n {cell.n}
        {!first && cell.difference !== null && (
          <>
            {" · \u0394 "}
            <Num text={short(cell.difference)} />
            {cell.difference_interval && (
              <>
                {" ["}
                <Num text={short(cell.difference_interval[0])} />, <Num text={short(cell.difference_interval[1])} />]
              </>
            )}
            {cell.p_holm !== null && ` p ${short(cell.p_holm, 2)}`}
          </>
        )}
      </span>
    </td>
  );
}

function Result({ of }: { of: Comparison }): JSX.Element {
  const [log, setLog] = useState(false);
  const series = [...new Set(of.cells.map((c) => c.series))];
  const found = new Map(of.cells.map((c) => [`${c.arm}\n${c.series}`, c]));
  const jobs = of.arms.flatMap(({ arm, runs }, i): CurveOf[] =>
    runs.map((run) => ({ job: run.job_id, label: `${arm || "as by default"} seed ${run.seed}`, color: armColor(i) })),
  );
  return (
    <>
      <div class="card scroll" tabIndex={0} role="region" aria-label="Comparison">
        <table class="data">
          <caption class="hidden-visually">Means over seeds, and differences from the first arm seed by seed</caption>
          <thead>
            <tr>
              <th class="l" scope="col">
                Arm
              </th>
              <th class="l" scope="col">
                Jobs
              </th>
              {series.map((s) => (
                <th key={s} scope="col">
                  {s}
                  {found.get(`${of.arms[0].arm}\n${s}`)?.better === "higher" && <span class="sub">higher is better</span>}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {of.arms.map(({ arm, runs }, i) => (
              <tr key={arm}>
                <th class="l" scope="row">
                  <Swatch color={armColor(i)} />
                  {arm || "as by default"}
                </th>
                <td class="l">
                  {runs.slice(0, 12).map((run) => (
                    <>
                      <a href={hrefOf(["jobs", run.job_id])}>{run.job_id}</a>{" "}
                    </>
                  ))}
                  {runs.length > 12 && `and ${runs.length - 12} more`}
                </td>
                {series.map((s) => (
                  <CellView key={s} cell={found.get(`${arm}\n${s}`)} first={i === 0} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <section class="section">
        <div class="section-head">
          <h2>Curves</h2>
          <button type="button" class="button tiny screen-only" aria-pressed={log} onClick={() => setLog(!log)}>
            Log y
          </button>
        </div>
        <div class="panels">
          {series.map((s) => (
            <CurveChart key={s} series={s} jobs={jobs} turn={0} log={log} sync="compare" />
          ))}
        </div>
      </section>
    </>
  );
}

export function CompareView({ place }: { place: Place }): JSX.Element {
  const ids = (place.query.get("jobs") ?? "").split(",").filter(Boolean);
  const comparison = useLoaded(ids.join(), (signal) => loadComparison(ids, signal));
  return (
    <>
      <div class="head">
        <div>
          <p class="eyebrow">
            <a href="#/jobs">Jobs</a>
          </p>
          <h1>Comparison</h1>
        </div>
      </div>
      <Show of={comparison} what="the comparison">
        {(value) => <Result of={value} />}
      </Show>
    </>
  );
}
