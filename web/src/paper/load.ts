// load.ts - an item of a paper: its table as messages, what its arms and metrics are called, its curves, its plan.
import { collect, call } from "../api/client";
import type { ClaimVerdict, FigureCurve, Format, PlanReproductionResponse, TableCell } from "../api/wire";
import { double, textOf } from "../api/values";
import type { Line } from "../chart/lines";
import { armColor } from "../chart/colors";

export interface Place {
  paper: string;
  item: string;
  budget: string;
  seeds: number; // of every arm, at least; 0: as the budget has it
}

export interface Arm {
  id: string;
  label: string;
  group: string;
  group_label: string;
}
export interface Metric {
  id: string;
  label: string;
  unit: string;
  log: boolean;
  digits: number;
}
export interface Panel {
  title: string;
  metric: string;
  group: string;
  x: string;
  log_x: boolean;
}
export interface Run {
  arm: string;
  seed: number;
  job: string;
  succeeded: boolean;
  diverged: boolean;
}
// The JSON that a table's document is, as far as the messages do not say it.
export interface Document {
  title: string;
  place: string;
  protocol: string;
  deviations: string[];
  datasets: string[];
  not_run: string;
  note: string;
  arms: Arm[];
  metrics: Metric[];
  panels: Panel[];
  runs: Run[];
}
export interface Item {
  doc: Document;
  claims: ClaimVerdict[];
  cells: TableCell[];
}

const request = (at: Place, format: Format) => ({ paper_id: at.paper, item_id: at.item, budget: at.budget, seeds: at.seeds, format });

export async function loadItem(at: Place, signal?: AbortSignal): Promise<Item> {
  const parts = await collect("PaperService/GetTable", request(at, "FORMAT_JSON"), signal);
  return {
    doc: JSON.parse(textOf(parts.map((p) => p.content))),
    claims: parts.flatMap((p) => p.claims),
    cells: parts.flatMap((p) => p.cells),
  };
}

export async function loadCurves(at: Place, signal?: AbortSignal): Promise<FigureCurve[]> {
  const parts = await collect("PaperService/GetFigure", { ...request(at, "FORMAT_UNSPECIFIED"), curves: true }, signal);
  return parts.flatMap((p) => p.curves);
}

export async function loadFile(at: Place, what: "GetTable" | "GetFigure", format: Format): Promise<{ media: string; content: string }> {
  const parts = await collect(`PaperService/${what}`, request(at, format));
  return { media: parts[0].media_type, content: textOf(parts.map((p) => p.content)) };
}

export function loadPlan(at: Place, power: boolean, signal?: AbortSignal): Promise<PlanReproductionResponse> {
  const { paper: paper_id, item, budget, seeds } = at;
  return call("PaperService/PlanReproduction", { paper_id, item_ids: [item], budget, seeds, power }, signal);
}

// Arms of one label have one colour in every group.
export function colorsOf(arms: Arm[]): Map<string, string> {
  const labels = [...new Set(arms.map((arm) => arm.label))];
  const first = labels.map((label) => arms.findIndex((arm) => arm.label === label));
  return new Map(arms.map((arm) => [arm.id, armColor(first[labels.indexOf(arm.label)])]));
}

const KINDS = { SOURCE_RUN: "seed", SOURCE_MEAN: "mean", SOURCE_PAPER: "paper", SOURCE_UNSPECIFIED: "seed" } as const;
const WORDS = { seed: "", mean: "", paper: ", paper" };

// Curves of more points than a message takes come in pieces, one behind the other.
export function joinPieces(curves: FigureCurve[]): FigureCurve[] {
  const whole: FigureCurve[] = [];
  for (const piece of curves) {
    const last = whole[whole.length - 1];
    const same = last && (["source", "arm_id", "metric_id", "seed", "repetition"] as const).every((key) => last[key] === piece[key]);
    if (!same || piece.source === "SOURCE_UNSPECIFIED") {
      whole.push(piece);
      continue;
    }
    for (const key of ["x", "value", "lo", "hi"] as const) last[key] = last[key].concat(piece[key]);
  }
  return whole;
}

// The lines of a panel. Before training every arm is as bad as chance: what lies at x = 0 would flatten the rest.
export function linesOf(doc: Document, panel: Panel, curves: FigureCurve[], hidden: Set<string>, paperTo: number): Line[] {
  const colors = colorsOf(doc.arms);
  const arms = new Map(doc.arms.map((arm) => [arm.id, arm]));
  return curves.flatMap((curve): Line[] => {
    const arm = arms.get(curve.arm_id);
    if (curve.metric_id !== panel.metric || !arm || arm.group !== panel.group || hidden.has(arm.label)) return [];
    const kind = KINDS[curve.source];
    const keep = curve.x.map(double).flatMap((x, i) => (x > 0 && (kind !== "paper" || x <= paperTo) ? [i] : []));
    const pick = (values: FigureCurve["x"]): number[] => keep.map((i) => double(values[i]));
    const line: Line = {
      key: `${curve.arm_id}/${curve.source}/${curve.seed}/${curve.repetition}`,
      label: `${arm.label}${WORDS[kind]}${kind === "seed" ? ` seed ${curve.seed}` : ""}`,
      color: colors.get(arm.id)!,
      kind,
      x: pick(curve.x),
      y: pick(curve.value),
    };
    if (curve.lo.length && kind !== "seed") Object.assign(line, { lo: pick(curve.lo), hi: pick(curve.hi) });
    return keep.length ? [line] : [];
  });
}
