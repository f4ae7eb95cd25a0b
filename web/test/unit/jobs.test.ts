// The job list: what a row says, filters, order, groups; what is done to a selection; workers and queue; sweeps of the form; places in the address.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job, JobNotChanged } from "../../src/api/wire";
import { outcomeText } from "../../src/jobs/actions";
import { passes } from "../../src/jobs/feed";
import { labelsOf, notLabels } from "../../src/jobs/labels";
import { type Row, entriesOf, search, secondsLeft, shareDone, sorted } from "../../src/jobs/rows";
import { shownText } from "../../src/jobs/points";
import { machineOf } from "../../src/machine/load";
import { groupsOf } from "../../src/machine/queue";
import { hrefOf, parsePlace } from "../../src/router";
import { combinations, expand, fieldOf } from "../../src/submit/sweep";

const row = (id: string, more: Partial<Row> = {}): Row => ({
  id,
  state: "queued",
  experiment: "mnist_mlp",
  config: "norm=layer",
  seed: "1",
  labels: {},
  priority: 0,
  created: Number(id.slice(1)),
  started: 0,
  finished: 0,
  done: 0,
  total: 100,
  rate: 0,
  cpu: 0,
  error: "",
  worker: "",
  revision: 1,
  ...more,
});
const ids = (rows: Row[]): string => rows.map((r) => r.id).join(" ");

test("progress and time left", () => {
  assert.equal(shareDone(row("j1", { done: 25 })), 0.25);
  assert.equal(shareDone(row("j1", { state: "succeeded", done: 99 })), 1);
  assert.equal(shareDone(row("j1", { total: 0 })), 0);
  assert.equal(secondsLeft(row("j1", { state: "running", done: 50, rate: 5 })), 10);
  assert.equal(secondsLeft(row("j1", { state: "running", done: 50 })), undefined);
  assert.equal(secondsLeft(row("j1", { done: 50, rate: 5 })), undefined, "not of a job that waits");
});

test("orders", () => {
  const rows = [
    row("j9", { priority: 1 }),
    row("j10", { state: "running", done: 90, rate: 1 }),
    row("j2", { state: "running", done: 10, rate: 1, priority: 5 }),
  ];
  assert.equal(ids(sorted(rows, "newest")), "j10 j9 j2");
  assert.equal(ids(sorted(rows, "oldest")), "j2 j9 j10");
  assert.equal(ids(sorted(rows, "left")), "j10 j2 j9", "what nobody knows comes last");
  assert.equal(ids(sorted(rows, "priority")), "j2 j9 j10");
  assert.equal(ids(sorted(rows, "state")), "j10 j2 j9");
  assert.equal(
    ids(
      sorted(
        [row("j1"), row("j10"), row("j9")].map((r) => ({ ...r, created: 5 })),
        "newest",
      ),
    ),
    "j10 j9 j1",
    "of one moment: by number",
  );
});

test("words are all looked for, in configuration, labels, errors and ids", () => {
  const rows = [row("j1", { labels: { item: "mnist" } }), row("j2", { config: "norm=batch" }), row("j17", { error: "Out of memory" })];
  assert.equal(ids(search(rows, "norm=layer item=mn")), "j1");
  assert.equal(ids(search(rows, "j1")), "j1", "an id is whole");
  assert.equal(ids(search(rows, "MEMORY")), "j17");
  assert.equal(ids(search(rows, "  ")), "j1 j2 j17");
});

test("groups by configuration and by label; a closed one keeps its head", () => {
  const rows = [row("j1", { labels: { item: "a" } }), row("j2", { config: "" }), row("j3", { labels: { item: "a" } })];
  const names = (by: string, closed: string[] = []): string[] =>
    entriesOf(rows, by, new Set(closed)).map((e) => (e.kind === "row" ? e.row.id : e.name));
  assert.deepEqual(names("configuration"), ["mnist_mlp norm=layer", "j1", "j3", "mnist_mlp", "j2"]);
  assert.deepEqual(names("label:item", ["a"]), ["a", "without this label", "j2"]);
  assert.deepEqual(names(""), ["j1", "j2", "j3"]);
});

test("a job that changed passes a filter as the server's would", () => {
  const filter = { states: ["running"], experiment: "mnist_mlp", labels: { item: "a" } };
  assert.ok(passes(row("j1", { state: "running", labels: { item: "a", x: "y" } }), filter));
  assert.ok(!passes(row("j1", { state: "queued", labels: { item: "a" } }), filter));
  assert.ok(!passes(row("j1", { state: "running", labels: {} }), filter));
  assert.ok(!passes(row("j1", { state: "running", labels: { item: "a" }, experiment: "draw" }), filter));
  assert.ok(passes(row("j1"), { states: [], experiment: "", labels: {} }));
});

test("how many points are shown", () => {
  assert.equal(shownText(1000, 55900), "1,000 of 55,900 points shown");
  assert.equal(shownText(1, 1), "1 point");
});

test("values of a sweep", () => {
  assert.deepEqual(expand("128, 4"), ["128", "4"]);
  assert.deepEqual(expand("1-3, 8"), ["1", "2", "3", "8"]);
  assert.deepEqual(expand("1e-3"), ["1e-3"]);
  assert.deepEqual(expand("6-1"), ["6-1"], "for the server to refuse");
  assert.deepEqual(expand(" "), []);
});

test("a sweep is every combination, the seed changing fastest", () => {
  const runs = combinations({ norm: "none, layer", batch_size: "" }, "1-2");
  assert.deepEqual(runs, [
    { values: { norm: "none" }, seed: "1" },
    { values: { norm: "none" }, seed: "2" },
    { values: { norm: "layer" }, seed: "1" },
    { values: { norm: "layer" }, seed: "2" },
  ]);
  assert.equal(combinations({}, "").length, 1);
  assert.ok(combinations({ a: "1-900", b: "1-900", c: "1-900" }, "1").length < 1e6, "a sweep that is refused is not made");
});

test("which field a violation is of", () => {
  assert.equal(fieldOf("requests[3].spec.mnist_mlp.optimization.learning_rate"), "learning_rate");
  assert.equal(fieldOf("requests[0].spec.seed"), "seed");
});

test("places in the address", () => {
  const place = parsePlace("#/paper/layer-norm-2016/mnist?budget=smoke");
  assert.deepEqual(place.path, ["paper", "layer-norm-2016", "mnist"]);
  assert.equal(place.query.get("budget"), "smoke");
  assert.deepEqual(parsePlace("").path, []);
  assert.equal(hrefOf(["jobs"], { label: "a=b c", state: "" }), "#/jobs?label=a%3Db+c");
  assert.equal(parsePlace(hrefOf(["jobs"], { label: "a=b c" })).query.get("label"), "a=b c");
});

test("what was done to a selection, and to which jobs not", () => {
  const job = (job_id: string): Job => ({ job_id }) as Job;
  const refused = (n: number): JobNotChanged => ({ job_id: `j${n}`, code: 9, reason: `job j${n} is SUCCEEDED` });
  assert.equal(outcomeText({ jobs: [job("j1")], not_changed: [], warnings: [] }, "resumed"), "1 job resumed.");
  assert.equal(
    outcomeText({ jobs: [], not_changed: [refused(1)], warnings: ["The data set is missing."] }, "resumed"),
    "0 jobs resumed. 1 job was not: job j1 is SUCCEEDED. The data set is missing.",
  );
  assert.equal(
    outcomeText({ jobs: [job("j9")], not_changed: [1, 2, 3, 4, 5].map(refused), warnings: [] }, "deleted"),
    "1 job deleted. 5 jobs were not: job j1 is SUCCEEDED; job j2 is SUCCEEDED; job j3 is SUCCEEDED; and 2 others.",
  );
});

test("labels as people type them", () => {
  assert.deepEqual(labelsOf(" item=mnist  arm=a=b "), { item: "mnist", arm: "a=b" });
  assert.deepEqual(notLabels("item=mnist study =x"), ["study", "=x"]);
});

test("the queue by experiment and priority, and what comes next", () => {
  const waiting = [row("j12", { priority: 2, created: 5 }), row("j9", { priority: 2, created: 5 }), row("j1"), row("j3", { experiment: "draw" })];
  assert.deepEqual(groupsOf(waiting).map(ids), ["j12 j9", "j1", "j3"]);
  const machine = machineOf({ workers: [], slots: 1, queued: "4" }, [], waiting, []);
  assert.equal(machine.next?.id, "j9", "of equal ones the oldest, of one moment by number");
  assert.equal(machineOf({ workers: [], slots: 1, queued: "0" }, [], [], []).next, undefined);
});

test("a worker stands beside its job", () => {
  const worker = { worker: "host:1", kept: true, job_id: "j2", attempt: 1, waits_for: "" };
  const idle = { ...worker, worker: "host:2", job_id: "", waits_for: "the queue is empty" };
  const { workers } = machineOf({ workers: [worker, idle], slots: 2, queued: "0" }, [row("j2", { state: "running" })], [], []);
  assert.deepEqual(workers.map(({ of, row }) => [of.worker, row?.id]), [
    ["host:1", "j2"],
    ["host:2", undefined],
  ]);
});
