// lines.ts - what a chart draws, laid out in the columns that uPlot reads.
import uPlot from "uplot";

export interface Line {
  key: string;
  label: string;
  color: string; // a custom property, "--c1"
  kind: "mean" | "seed" | "paper";
  x: number[];
  y: number[];
  lo?: number[]; // an interval around y
  hi?: number[];
}

export interface Columns {
  data: uPlot.AlignedData;
  at: { line: number; y: number; lo?: number; hi?: number }[]; // which columns a line has
}

const drawable = (log: boolean) => (v: number) => (Number.isFinite(v) && (!log || v > 0) ? v : null);

// One x column over all lines; what cannot be drawn is null.
export function columnsOf(lines: Line[], logX: boolean, logY: boolean): Columns {
  const at: Columns["at"] = [];
  const tables: uPlot.AlignedData[] = [];
  let next = 1;
  lines.forEach((line, index) => {
    const keep = line.x.map((_, i) => i).filter((i) => Number.isFinite(line.x[i]) && (!logX || line.x[i] > 0));
    const pick = (values: number[]): (number | null)[] => keep.map((i) => values[i]).map(drawable(logY));
    const table = [keep.map((i) => line.x[i]), pick(line.y)];
    const columns: Columns["at"][number] = { line: index, y: next++ };
    if (line.lo && line.hi) {
      table.push(pick(line.lo), pick(line.hi));
      columns.lo = next++;
      columns.hi = next++;
    }
    at.push(columns);
    tables.push(table as uPlot.AlignedData);
  });
  return { data: tables.length ? uPlot.join(tables) : [[]], at };
}

// The row nearest to `row` where the column has a value, if it lies no further than `reach` along x.
export function nearest(data: uPlot.AlignedData, column: number, row: number, reach: number): number | undefined {
  const values = data[column] as (number | null | undefined)[];
  const near = (i: number): boolean => values[i] != null && Math.abs(data[0][i] - data[0][row]) <= reach;
  for (let d = 0; d < values.length; ++d) {
    if (near(row - d)) return row - d;
    if (near(row + d)) return row + d;
  }
  return undefined;
}
