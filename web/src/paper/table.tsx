// table.tsx - the item's numbers: a row for each arm, a column for each metric, the paper's numbers under ours.
import type { JSX } from "preact";
import type { TableCell } from "../api/wire";
import { double } from "../api/values";
import { fixed, short } from "../lib/format";
import { Num } from "../ui/parts";
import { Swatch } from "../ui/swatch";
import { type Arm, type Item, type Metric, colorsOf } from "./load";

const textOf =
  (metric: Metric, geometric: boolean) =>
  (v: number): string =>
    geometric || metric.log ? short(v, 2) : fixed(v, metric.digits);

function Range({ lo, hi, text }: { lo: number; hi: number; text: (v: number) => string }): JSX.Element {
  const [a, b] = [text(lo), text(hi)];
  return a === b ? (
    <Num text={a} />
  ) : (
    <>
      <Num text={a} />
      {"\u2013"}
      <Num text={b} />
    </>
  );
}

function Ours({ cell, text }: { cell: TableCell; text: (v: number) => string }): JSX.Element {
  if (cell.mean === undefined) {
    const why =
      cell.submitted === 0 ? "not run" : cell.not_there ? `${cell.not_there} not there yet` : cell.diverged ? "diverged" : "running";
    return <span class="dim">{why}</span>;
  }
  const mean = double(cell.mean);
  const [lo, hi] = [double(cell.interval?.lo), double(cell.interval?.hi)];
  const symmetric = !cell.geometric && cell.interval && Math.abs(hi + lo - 2 * mean) < 1e-9 * Math.max(1, Math.abs(mean));
  return (
    <>
      <Num text={text(mean)} />
      {symmetric && ` \u00b1 ${text(hi - mean)}`}
      {cell.interval && !symmetric && (
        <span class="dim">
          {" "}
          [<Num text={text(lo)} />, <Num text={text(hi)} />]
        </span>
      )}
    </>
  );
}

function Cell({ cell, metric }: { cell?: TableCell; metric: Metric }): JSX.Element {
  if (!cell) return <td class="dim">{"\u2013"}</td>;
  const text = textOf(metric, cell.geometric);
  const details = [
    cell.values.length ? `n ${cell.values.length}${cell.planned > cell.values.length ? ` of ${cell.planned}` : ""}` : "",
    cell.diverged ? `${cell.diverged} diverged` : "",
  ].filter(Boolean);
  return (
    <td title={cell.values.length ? `seeds: ${cell.values.map((v) => text(double(v))).join(", ")}` : undefined}>
      <Ours cell={cell} text={text} />
      <span class="sub">
        {details.join(", ")}
        {cell.paper && (
          <>
            {details.length > 0 && " · "}paper <Range lo={double(cell.paper.lo)} hi={double(cell.paper.hi)} text={text} />
          </>
        )}
      </span>
    </td>
  );
}

function groupsOf(arms: Arm[]): [string, Arm[]][] {
  const groups = new Map<string, Arm[]>();
  for (const arm of arms) groups.set(arm.group_label, [...(groups.get(arm.group_label) ?? []), arm]);
  return [...groups];
}

export function ResultTable({ item }: { item: Item }): JSX.Element {
  const { doc, cells } = item;
  const colors = colorsOf(doc.arms);
  const found = new Map(cells.map((cell) => [`${cell.arm_id} ${cell.metric_id}`, cell]));
  const metrics = doc.metrics.filter((m) => cells.some((c) => c.metric_id === m.id));
  return (
    <div class="card scroll results" tabIndex={0} role="region" aria-label="Table of results">
      <table class="data">
        <thead>
          <tr>
            <th class="l" scope="col">
              <span class="hidden-visually">Arm</span>
            </th>
            {metrics.map((m) => (
              <th key={m.id} scope="col">
                {m.label}
                {m.unit && ` (${m.unit})`}
              </th>
            ))}
          </tr>
        </thead>
        {groupsOf(doc.arms).map(([label, arms]) => (
          <tbody key={label}>
            {label && (
              <tr class="group">
                <th colSpan={metrics.length + 1} scope="rowgroup">
                  {label}
                </th>
              </tr>
            )}
            {arms.map((arm) => (
              <tr key={arm.id}>
                <th class="l nowrap" scope="row">
                  <Swatch color={colors.get(arm.id)!} />
                  {arm.label}
                </th>
                {metrics.map((m) => (
                  <Cell key={m.id} cell={found.get(`${arm.id} ${m.id}`)} metric={m} />
                ))}
              </tr>
            ))}
          </tbody>
        ))}
      </table>
    </div>
  );
}
