// needs.ts - what of a plan is stored, under way, and still to run.
import type { CreateJobRequest, Job, PlannedRun } from "../api/wire";
import { long } from "../api/values";
import { shareDone, stateName } from "../jobs/rows";
import type { Place } from "./load";

const wasLost = (job: Job): boolean => ["failed", "cancelled"].includes(stateName(job.state));
export const missing = (runs: PlannedRun[]): PlannedRun[] => runs.filter((run) => !run.job || wasLost(run.job));
export const underWay = (runs: PlannedRun[]): Job[] =>
  runs.flatMap((r) => (r.job && ["queued", "running", "cancelling"].includes(stateName(r.job.state)) ? [r.job] : []));
export const ended = (runs: PlannedRun[]): number =>
  runs.filter((r) => r.job && ["succeeded", "diverged"].includes(stateName(r.job.state))).length;

// Labels are those of `normlab reproduce`, so that either finds the other's runs.
export function requestsOf(at: Place, runs: PlannedRun[]): CreateJobRequest[] {
  return runs.map((run) => ({
    request_id: "",
    spec: run.spec,
    priority: 0,
    labels: { paper: at.paper, item: run.item_id, arm: run.arm, budget: at.budget },
    rerun: false,
    force: false,
  }));
}

// Of all runs together, by updates done.
export function shareOf(runs: PlannedRun[]): number {
  const shares = runs.map(({ job }) => {
    if (!job) return 0;
    const state = stateName(job.state);
    return state === "diverged" ? 1 : shareDone({ state, done: long(job.steps_done), total: long(job.steps_total) });
  });
  return runs.length ? shares.reduce((sum, share) => sum + share, 0) / runs.length : 0;
}
