// rows.ts - jobs as the list holds them: a hundred thousand fit, and are filtered, sorted and grouped in milliseconds.
import type { Experiment, Job, JobState } from "../api/wire";
import { changesOf, experimentOf, valuesOf } from "../api/spec";
import { double, long, seconds } from "../api/values";

export interface Row {
  id: string;
  state: string; // "running"
  experiment: string;
  config: string; // "norm=layer batch_size=4": what is not as by default, without the seed
  seed: string;
  labels: Record<string, string>;
  priority: number;
  created: number; // Unix seconds; 0: not yet
  started: number;
  finished: number;
  done: number; // updates
  total: number;
  rate: number; // updates a second
  cpu: number; // seconds
  error: string;
  worker: string;
  revision: number;
}

export const STATES = ["queued", "running", "cancelling", "succeeded", "failed", "cancelled", "diverged"] as const;
export const stateName = (state: JobState): string => state.slice("JOB_STATE_".length).toLowerCase();
export const wireState = (name: string): JobState => `JOB_STATE_${name.toUpperCase()}` as JobState;
export const isOver = (state: string): boolean => ["succeeded", "failed", "cancelled", "diverged"].includes(state);
export const canCancel = (row: { state: string }): boolean => row.state === "queued" || row.state === "running";
export const canResume = (row: { state: string }): boolean => row.state === "cancelled" || row.state === "failed";

// Configurations repeat: each text is kept once.
const texts = new Map<string, string>();
const shared = (text: string): string => {
  const kept = texts.get(text);
  if (kept !== undefined) return kept;
  texts.set(text, text);
  return text;
};

export function configOf(job: Job, experiments: Map<string, Experiment>): string {
  if (job.external) {
    const params = Object.entries(job.external.params).map(([name, value]) => `${name}=${value}`);
    return shared(["external:", job.external.name, ...params].join(" "));
  }
  const fields = experiments.get(experimentOf(job.spec))?.fields ?? [];
  const changes = job.spec ? changesOf(valuesOf(job.spec), fields) : [];
  return shared(changes.map(([name, value]) => `${name}=${value}`).join(" "));
}

export function rowOf(job: Job, experiments: Map<string, Experiment>): Row {
  return {
    id: job.job_id,
    state: stateName(job.state),
    experiment: shared(job.external?.experiment ?? experimentOf(job.spec)),
    config: configOf(job, experiments),
    seed: job.spec?.seed ?? job.external?.params.seed ?? "",
    labels: job.labels,
    priority: job.priority,
    created: seconds(job.created),
    started: seconds(job.started),
    finished: seconds(job.finished),
    done: long(job.steps_done),
    total: long(job.steps_total),
    rate: double(job.steps_per_second) || 0,
    cpu: double(job.cpu_seconds) || 0,
    error: job.error,
    worker: job.worker,
    revision: long(job.revision),
  };
}

export const shareDone = (row: Pick<Row, "state" | "done" | "total">): number =>
  row.state === "succeeded" ? 1 : row.total > 0 ? row.done / row.total : 0;
// Seconds to the end of a running job; undefined: nobody knows.
export const secondsLeft = (row: Row): number | undefined =>
  row.state === "running" && row.rate > 0 && row.total > 0 ? (row.total - row.done) / row.rate : undefined;
export const secondsTaken = (row: Row): number => (row.started && row.finished ? row.finished - row.started : 0);

export type SortKey = "newest" | "oldest" | "state" | "run" | "progress" | "left" | "priority" | "cpu";
const numberOf = (id: string): number => Number(id.slice(1)) || 0;
const newest = (a: Row, b: Row): number => b.created - a.created || numberOf(b.id) - numberOf(a.id);
const RANK: Record<string, number> = { running: 0, cancelling: 1, queued: 2, failed: 3, diverged: 4, cancelled: 5, succeeded: 6 };
const ORDERS: Record<SortKey, (a: Row, b: Row) => number> = {
  newest,
  oldest: (a, b) => newest(b, a),
  state: (a, b) => RANK[a.state] - RANK[b.state] || newest(a, b),
  run: (a, b) => cmp(a.experiment, b.experiment) || cmp(a.config, b.config) || Number(a.seed) - Number(b.seed),
  progress: (a, b) => shareDone(b) - shareDone(a) || newest(a, b),
  left: (a, b) => (secondsLeft(a) ?? Infinity) - (secondsLeft(b) ?? Infinity) || newest(a, b),
  priority: (a, b) => b.priority - a.priority || newest(a, b),
  cpu: (a, b) => b.cpu - a.cpu || newest(a, b),
};
const cmp = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
export const sorted = (rows: Row[], key: SortKey): Row[] => [...rows].sort((a, b) => ORDERS[key](a, b) || 0);

export function matches(row: Row, words: string[]): boolean {
  return words.every(
    (word) =>
      row.id === word ||
      row.experiment.includes(word) ||
      row.config.includes(word) ||
      `seed=${row.seed}` === word ||
      row.error.toLowerCase().includes(word) ||
      Object.entries(row.labels).some(([key, value]) => `${key}=${value}`.toLowerCase().includes(word)),
  );
}
export const search = (rows: Row[], text: string): Row[] => {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return words.length ? rows.filter((row) => matches(row, words)) : rows;
};

export type Entry = { kind: "row"; row: Row } | { kind: "group"; name: string; rows: Row[] };

// "" no groups; "configuration"; "experiment"; "label:item".
export function groupName(row: Row, by: string): string {
  if (by === "configuration") return `${row.experiment} ${row.config}`.trim();
  if (by === "experiment") return row.experiment;
  return row.labels[by.slice("label:".length)] ?? "without this label";
}

export function entriesOf(rows: Row[], by: string, closed: Set<string>): Entry[] {
  if (!by) return rows.map((row) => ({ kind: "row", row }));
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const name = groupName(row, by);
    const group = groups.get(name);
    if (group) group.push(row);
    else groups.set(name, [row]);
  }
  return [...groups].flatMap(([name, members]) => [
    { kind: "group", name, rows: members } as Entry,
    ...(closed.has(name) ? [] : members.map((row): Entry => ({ kind: "row", row }))),
  ]);
}
