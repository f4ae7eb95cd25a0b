// figure.tsx - the paper's figure with our runs in it: seeds thin, their mean with its interval thick, the paper's curve dashed.
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { FigureCurve } from "../api/wire";
import { double } from "../api/values";
import { Chart } from "../chart/chart";
import { Segments } from "../ui/parts";
import { Swatch } from "../ui/swatch";
import { type Document, colorsOf, joinPieces, linesOf } from "./load";

// How much of the paper's curve stands beside short runs.
const LEAST_POINTS = 6;
const AXES: { value: "auto" | "linear" | "log"; text: string }[] = [
  { value: "auto", text: "As printed" },
  { value: "linear", text: "Linear" },
  { value: "log", text: "Log" },
];

function paperEnd(curves: FigureCurve[], whole: boolean): number {
  const ours = Math.max(0, ...curves.filter((c) => c.source !== "SOURCE_PAPER").map((c) => double(c.x[c.x.length - 1])));
  const paper = curves.filter((c) => c.source === "SOURCE_PAPER");
  if (whole || ours === 0) return Infinity;
  return Math.max(ours * 1.02, ...paper.map((c) => double(c.x[Math.min(c.x.length, LEAST_POINTS) - 1])));
}

export function FigureView({ doc, curves: pieces, sync }: { doc: Document; curves: FigureCurve[]; sync: string }): JSX.Element | null {
  const curves = useMemo(() => joinPieces(pieces), [pieces]);
  const [hidden, setHidden] = useState<Set<string>>(new Set());
  const [seeds, setSeeds] = useState(true);
  const [whole, setWhole] = useState(false);
  const [logX, setLogX] = useState<boolean>();
  const [y, setY] = useState<"auto" | "linear" | "log">("auto");
  const colors = colorsOf(doc.arms);
  const metrics = new Map(doc.metrics.map((m) => [m.id, m]));
  const labels = [...new Map(doc.arms.map((arm) => [arm.label, colors.get(arm.id)!]))];
  const paperTo = paperEnd(curves, whole);
  const panels = useMemo(
    () =>
      doc.panels
        .map((panel) => ({ panel, lines: linesOf(doc, panel, curves, hidden, paperTo).filter((line) => seeds || line.kind !== "seed") }))
        .filter(({ lines }) => lines.length > 0),
    [doc, curves, hidden, seeds, paperTo],
  );
  if (curves.length === 0) return null;

  const toggle = (label: string): void => {
    const next = new Set(hidden);
    if (!next.delete(label)) next.add(label);
    setHidden(next);
  };
  return (
    <div class="stack">
      <div class="row spread">
        <div class="legend" role="group" aria-label="Arms shown">
          {labels.map(([label, color]) => (
            <button key={label} type="button" aria-pressed={!hidden.has(label)} onClick={() => toggle(label)}>
              <Swatch color={color} />
              {label}
            </button>
          ))}
          <span class="key">
            <Swatch color="--dim" paper />
            paper
          </span>
        </div>
        <div class="row screen-only">
          <button type="button" class="button tiny" aria-pressed={seeds} onClick={() => setSeeds(!seeds)}>
            Seeds
          </button>
          <button type="button" class="button tiny" aria-pressed={logX ?? false} onClick={() => setLogX(!logX)}>
            Log x
          </button>
          <Segments label="Vertical axes" options={AXES} value={y} onChange={setY} />
          <button type="button" class="button tiny" aria-pressed={whole} onClick={() => setWhole(!whole)}>
            Paper's full length
          </button>
        </div>
      </div>
      <div class="panels" data-count={panels.length}>
        {panels.map(({ panel, lines }) => {
          const metric = metrics.get(panel.metric)!;
          return (
            <Chart
              key={panel.title}
              title={metric.unit ? `${panel.title} (${metric.unit})` : panel.title}
              lines={lines}
              xLabel={panel.x}
              logX={logX ?? panel.log_x}
              logY={y === "auto" ? metric.log : y === "log"}
              sync={sync}
              height={panels.length === 1 ? 21 : 15}
            />
          );
        })}
      </div>
    </div>
  );
}
