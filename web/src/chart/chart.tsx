// chart.tsx - lines over an axis: hover and arrow keys show values, a drag zooms, Escape shows everything again.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { short } from "../lib/format";
import { type Columns, type Line, columnsOf, nearest } from "./lines";
import { color, rem, useTheme } from "./theme";

export type Range = [number, number];
interface Props {
  title: string;
  note?: ComponentChildren; // beside the title
  lines: Line[];
  xLabel: string;
  logX?: boolean;
  logY?: boolean;
  height?: number; // rem
  sync?: string; // charts of one key share their cursor
  onZoom?: (range: Range | undefined) => void;
  level?: "h3" | "h4";
}

const MOST_ROWS = 14; // of the box beside the cursor
const REACH = 0.06; // of all x: how far from the cursor a line's value may lie
const FEW = 32; // so many points are marked

function seriesOf(lines: Line[], columns: Columns): uPlot.Series[] {
  const series: uPlot.Series[] = [{}];
  const alone = lines.every((line) => line.kind === "seed");
  for (const { line: index, y, lo } of columns.at) {
    const line = lines[index];
    const stroke = color(line.color);
    const few = line.x.length <= FEW;
    series[y] = {
      stroke: line.kind === "seed" && !alone ? `${stroke}8c` : stroke,
      width: line.kind === "mean" ? 2.2 : line.kind === "paper" || alone ? 1.6 : 1,
      dash: line.kind === "paper" ? [6, 4] : undefined,
      spanGaps: true,
      points: { show: few && (line.kind === "mean" || line.x.length === 1), size: 5, fill: stroke },
    };
    if (lo !== undefined) {
      series[lo] = { stroke: "transparent", width: 0, spanGaps: true, points: { show: false }, auto: false };
      series[lo + 1] = { ...series[lo] };
    }
  }
  return series;
}

function bandsOf(lines: Line[], columns: Columns): uPlot.Band[] {
  return columns.at.flatMap(({ line, lo, hi }) =>
    lo === undefined ? [] : [{ series: [hi!, lo] as [number, number], fill: `${color(lines[line].color)}26` }],
  );
}

function axisOf(log: boolean, label: string | undefined, side: number): uPlot.Axis {
  const font = `${0.75 * rem()}px "Inter", system-ui, sans-serif`;
  return {
    stroke: color("--dim"),
    font,
    labelFont: font,
    label,
    labelSize: 1.25 * rem(),
    labelGap: 0,
    gap: 4,
    space: (side === 2 ? 4 : 2) * rem(),
    size: (side === 2 ? 1.9 : 3.4) * rem(),
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
    values: (_, splits) => splits.map((v) => (v == null ? "" : short(v, log ? 2 : 4))),
  };
}

const spread = (low: number, high: number): Range =>
  low === high ? [low - Math.abs(low || 1) * 0.1, high + Math.abs(high || 1) * 0.1] : [low, high];

function rangeOf(log: boolean): uPlot.Scale.Range {
  return (_, low, high) => {
    if (low == null || high == null) return log ? [0.1, 1] : [0, 1];
    if (log) return low === high ? [low / 2, high * 2] : [low / 1.15, high * 1.15];
    const [a, b] = spread(low, high);
    const room = (b - a) * 0.06;
    return [a - room, b + room];
  };
}

interface Row {
  line: Line;
  text: string;
}
function rowsAt(lines: Line[], columns: Columns, row: number): Row[] {
  const xs = columns.data[0];
  const reach = (xs[xs.length - 1] - xs[0]) * REACH;
  const told = new Set(lines.filter((l) => l.kind === "mean").map((l) => l.color));
  return columns.at.flatMap(({ line: index, y, lo, hi }) => {
    const line = lines[index];
    if (line.kind === "seed" && told.has(line.color)) return [];
    const at = nearest(columns.data, y, row, reach);
    if (at === undefined) return [];
    const value = (column: number): string => short((columns.data[column] as number[])[at]);
    const interval = lo !== undefined && columns.data[lo]![at] != null ? ` [${value(lo)}, ${value(hi!)}]` : "";
    return [{ line, text: value(y) + interval }];
  });
}

function fillTip(tip: HTMLElement, caption: string, rows: Row[]): void {
  const table = document.createElement("table");
  table.createCaption().textContent = caption;
  for (const { line, text } of rows.slice(0, MOST_ROWS)) {
    const tr = table.insertRow();
    const swatch = document.createElement("span");
    swatch.className = line.kind === "paper" ? "swatch paper" : "swatch";
    swatch.style.color = `var(${line.color})`;
    tr.insertCell().append(swatch, line.label);
    tr.insertCell().textContent = text;
  }
  if (rows.length > MOST_ROWS) table.insertRow().insertCell().textContent = `and ${rows.length - MOST_ROWS} more`;
  tip.replaceChildren(table);
}

function placeTip(tip: HTMLElement, u: uPlot): void {
  const { left = 0, top = 0 } = u.cursor;
  const x = u.over.offsetLeft + left;
  const right = x + 14 + tip.offsetWidth <= u.root.clientWidth;
  tip.style.transform = `translate(${Math.max(0, right ? x + 14 : x - 14 - tip.offsetWidth)}px, ${Math.max(0, top - 10)}px)`;
}

export function Chart(props: Props): JSX.Element {
  const { lines, logX = false, logY = false } = props;
  const height = (props.height ?? 15) * rem();
  const Title = props.level ?? "h3";
  const theme = useTheme();
  const box = useRef<HTMLDivElement>(null);
  const tip = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>();
  const [range, setRange] = useState<Range>();
  const [spoken, setSpoken] = useState("");
  const columns = useMemo(() => columnsOf(lines, logX, logY), [lines, logX, logY]);

  const zoom = (to: Range | undefined): void => {
    setRange(to);
    props.onZoom?.(to);
  };

  useEffect(() => {
    const element = box.current!;
    const options: uPlot.Options = {
      width: Math.max(120, element.clientWidth),
      height,
      legend: { show: false },
      padding: [10, 22, 0, 0],
      series: seriesOf(lines, columns),
      bands: bandsOf(lines, columns),
      scales: {
        x: { time: false, distr: logX ? 3 : 1, range: range ? () => range : logX ? rangeOf(true) : (_, a, b) => spread(a ?? 0, b ?? 1) },
        y: { distr: logY ? 3 : 1, range: rangeOf(logY) },
      },
      axes: [axisOf(logX, props.xLabel, 2), axisOf(logY, undefined, 3)],
      cursor: {
        drag: { x: true, y: false, setScale: false },
        points: { show: false },
        sync: props.sync ? { key: props.sync, setSeries: false } : undefined,
      },
      hooks: {
        setSelect: [
          (u) => {
            if (u.select.width < 4) return;
            const to: Range = [u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x")];
            u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            zoom(to);
          },
        ],
        setCursor: [
          (u) => {
            const row = u.cursor.idx;
            // Charts that only follow another's cursor show no values.
            const mine = element.matches(":hover") || element === document.activeElement;
            const shown = mine && row != null && u.cursor.left! >= 0;
            tip.current!.classList.toggle("on", shown);
            if (!shown) return;
            fillTip(tip.current!, `${props.xLabel}: ${short(columns.data[0][row], 6)}`, rowsAt(lines, columns, row));
            placeTip(tip.current!, u);
          },
        ],
      },
    };
    const u = new uPlot(options, columns.data, element);
    plot.current = u;
    const reset = (): void => zoom(undefined);
    u.over.addEventListener("dblclick", reset);
    const watcher = new ResizeObserver(() => u.setSize({ width: Math.max(120, element.clientWidth), height }));
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      u.destroy();
    };
  }, [columns, range, theme, height, props.sync, props.xLabel]);

  const onKey = (event: KeyboardEvent): void => {
    const u = plot.current!;
    const xs = columns.data[0];
    if (xs.length === 0) return;
    const now = u.cursor.idx ?? 0;
    const moves: Record<string, number> = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: xs.length - 1 };
    if (event.key in moves) {
      const row = Math.min(xs.length - 1, Math.max(0, moves[event.key]));
      u.setCursor({ left: u.valToPos(xs[row], "x"), top: 20 });
      setSpoken(
        `${props.xLabel} ${short(xs[row], 6)}: ${rowsAt(lines, columns, row)
          .map((r) => `${r.line.label} ${r.text}`)
          .join("; ")}`,
      );
    } else if (event.key === "+" || event.key === "-") {
      const { min, max } = u.scales.x;
      const middle = xs[now] ?? (min! + max!) / 2;
      const half = ((max! - min!) / 2) * (event.key === "+" ? 0.5 : 2);
      zoom([Math.max(xs[0], middle - half), Math.min(xs[xs.length - 1], middle + half)]);
    } else if (event.key === "Escape") {
      zoom(undefined);
    } else {
      return;
    }
    event.preventDefault();
  };

  const names = [...new Set(lines.map((l) => l.label))];
  return (
    <figure class="chart card">
      <div class="chart-head">
        <Title>{props.title}</Title>
        <span class="small row">
          {props.note}
          {range && (
            <button type="button" class="button tiny screen-only" onClick={() => zoom(undefined)}>
              Show all
            </button>
          )}
        </span>
      </div>
      <div
        class="canvas"
        ref={box}
        tabIndex={0}
        role="application"
        aria-label={`Chart: ${props.title}. ${names.slice(0, 12).join(", ")}. Arrow keys read values, plus and minus zoom, Escape shows all.`}
        onKeyDown={onKey}
        onBlur={() => tip.current!.classList.remove("on")}
      >
        <div class="tip" ref={tip} />
      </div>
      <span class="hidden-visually" aria-live="polite">
        {spoken}
      </span>
    </figure>
  );
}
