// Numbers as text; curves as columns; a claim on its axis; what a plan still needs.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClaimVerdict, FigureCurve, PlannedRun } from "../../src/api/wire";
import { columnsOf, nearest } from "../../src/chart/lines";
import { bytes, duration, fixed, percent, plural, short } from "../../src/lib/format";
import { stripOf } from "../../src/paper/forest";
import { type Document, colorsOf, joinPieces, linesOf } from "../../src/paper/load";
import { missing, requestsOf } from "../../src/paper/needs";

test("numbers", () => {
  assert.equal(short(0.0123456), "0.0123");
  assert.equal(short(-1.5), "\u22121.5");
  assert.equal(short(55000), "55,000");
  assert.equal(short(1.234e-7), "1.23e\u22127");
  assert.equal(short(1e-10, 2), "1e\u221210");
  assert.equal(short(NaN), "NaN");
  assert.equal(short(-Infinity), "\u2212\u221e");
  assert.equal(fixed(-0.2, 2), "\u22120.20");
  assert.equal(percent(0.999), "99 %", "not done is not 100 %");
  assert.equal(plural(1, "job"), "1 job");
  assert.equal(plural(1200, "job"), "1,200 jobs");
  assert.equal(bytes(1536), "1.5 KiB");
  assert.deepEqual([41, 187, 8100, 360000].map(duration), ["41s", "3m07s", "2h15m", "4d04h"]);
});

const line = (x: number[], y: number[]) => ({ key: "a", label: "a", color: "--c1", kind: "mean" as const, x, y });

test("lines of different x share one column; what a log axis cannot show is left out", () => {
  const { data, at } = columnsOf([line([1, 2, 4], [1, 0, -3]), { ...line([2, 3], [5, 6]), lo: [4, NaN], hi: [6, NaN] }], false, true);
  assert.deepEqual([...data[0]], [1, 2, 3, 4]);
  assert.deepEqual(
    [...data[1]!].map((v) => v ?? null),
    [1, null, null, null],
  );
  assert.deepEqual(at[1], { line: 1, y: 2, lo: 3, hi: 4 });
  assert.deepEqual(
    [...data[3]!].map((v) => v ?? null),
    [null, 4, null, null],
  );
  assert.equal(nearest(data, 2, 0, 1), 1, "the nearest row that has a value");
  assert.equal(nearest(data, 2, 0, 0.5), undefined, "not one that is far away");
  assert.equal(nearest(columnsOf([line([1, 2], [NaN, -1])], false, true).data, 1, 0, 9), undefined);
});

const curve = (more: Partial<FigureCurve>): FigureCurve => ({
  source: "SOURCE_MEAN",
  arm_id: "layer_4",
  metric_id: "nll",
  seed: "0",
  x: [],
  value: [],
  lo: [],
  hi: [],
  repetition: "",
  ...more,
});
const doc = {
  arms: [
    { id: "none_128", label: "Baseline", group: "128", group_label: "" },
    { id: "layer_128", label: "LayerNorm", group: "128", group_label: "" },
    { id: "layer_4", label: "LayerNorm", group: "4", group_label: "" },
  ],
} as Document;
const panel = { title: "", metric: "nll", group: "4", x: "", log_x: false };

test("a curve that came in pieces is one again", () => {
  const whole = joinPieces([
    curve({ x: [1, 2], value: [5, 4] }),
    curve({ x: [3], value: [3] }),
    curve({ source: "SOURCE_PAPER", x: [1], value: [9] }),
  ]);
  assert.deepEqual(
    whole.map((c) => c.x),
    [[1, 2, 3], [1]],
  );
});

test("a panel has its own group's and metric's lines, without the point before training", () => {
  const curves = [
    curve({ x: [0, 1, 2], value: [90, 5, "NaN"] }),
    curve({ arm_id: "layer_128", x: [1], value: [1] }),
    curve({ metric_id: "error", x: [1], value: [1] }),
    curve({ source: "SOURCE_PAPER", x: [1, 50], value: [2, 1], lo: [1, 1], hi: [3, 1] }),
  ];
  const lines = linesOf(doc, panel, curves, new Set(), 10);
  assert.deepEqual(
    lines.map((l) => [l.label, l.kind, l.x]),
    [
      ["LayerNorm", "mean", [1, 2]],
      ["LayerNorm, paper", "paper", [1]],
    ],
  );
  assert.deepEqual(linesOf(doc, panel, curves, new Set(["LayerNorm"]), 10), []);
});

test("arms of one label have one colour", () => {
  assert.deepEqual([...colorsOf(doc.arms).values()], ["--c0", "--c1", "--c1"]);
});

const claim = (more: Partial<ClaimVerdict>): ClaimVerdict => ({ effect: "EFFECT_DIFFERENCE", ...more }) as ClaimVerdict;

test("a ratio lies on a logarithmic axis about 1, a difference about 0", () => {
  const ratio = stripOf(claim({ effect: "EFFECT_RATIO", estimate: 0.5, interval: { lo: 0.25, hi: 2 } }))!;
  assert.equal(ratio.neutral, 1);
  assert.ok(Math.abs(ratio.at(0.5) - (ratio.at(0.25) + ratio.at(1)) / 2) < 1e-9, "halves are equally far");
  assert.equal(stripOf(claim({ estimate: -1 }))!.neutral, 0);
  assert.equal(stripOf(claim({ effect: "EFFECT_VALUE", estimate: 3, paper: 4 }))!.neutral, undefined);
  assert.equal(stripOf(claim({})), undefined);
  const point = stripOf(claim({ effect: "EFFECT_VALUE", estimate: 3 }))!.at(3);
  assert.ok(Number.isFinite(point), "one value alone has a place");
});

test("what is still to run are runs without a job, and those whose job was lost", () => {
  const run = (state?: string): PlannedRun => ({
    item_id: "mnist",
    arm: "layer_4",
    identity: "",
    core_seconds: 1,
    spec: { seed: "1" } as never,
    job: state ? ({ state: `JOB_STATE_${state}` } as never) : undefined,
  });
  const runs = [run(), run("SUCCEEDED"), run("FAILED"), run("CANCELLED"), run("QUEUED"), run("DIVERGED")];
  assert.deepEqual(missing(runs), [runs[0], runs[2], runs[3]]);
  const [request] = requestsOf({ paper: "p", item: "mnist", budget: "quick", seeds: 0 }, [run()]);
  assert.deepEqual(request.labels, { paper: "p", item: "mnist", arm: "layer_4", budget: "quick" });
});
