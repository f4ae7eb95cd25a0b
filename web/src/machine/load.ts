// load.ts - what computes now and what waits, as the machine's view needs it.
import { call } from "../api/client";
import type { Experiment, Job, JobState, ListWorkersResponse, ListWorkersResponse_Worker } from "../api/wire";
import { long } from "../api/values";
import { type Row, rowOf, sorted } from "../jobs/rows";

export interface Worker {
  of: ListWorkersResponse_Worker;
  row?: Row; // its job
}
export interface Machine {
  workers: Worker[];
  slots: number; // workers that the server keeps
  active: Row[];
  waiting: Row[]; // those of the queue that run first, at most MOST
  queued: number; // all of them
  next?: Row; // the head of the queue
  heldUp: string; // why it waits
  recent: Row[]; // ended
  facts: Record<string, string>; // of the last run
}

const MOST = 1000;
const RECENT = 200;

async function list(states: JobState[], page_size: number, order_by: string, signal: AbortSignal): Promise<Job[]> {
  return (await call("JobService/ListJobs", { states, page_size, order_by }, signal)).jobs;
}

export function machineOf(of: ListWorkersResponse, active: Row[], waiting: Row[], recent: Row[]): Omit<Machine, "heldUp" | "facts"> {
  const rows = new Map(active.map((row) => [row.id, row]));
  return {
    workers: of.workers.map((worker) => ({ of: worker, row: rows.get(worker.job_id) })),
    slots: of.slots,
    active,
    waiting,
    queued: Math.max(long(of.queued), waiting.length),
    next: sorted(waiting, "oldest").sort((a, b) => b.priority - a.priority)[0],
    recent,
  };
}

export async function loadMachine(experiments: Map<string, Experiment>, signal: AbortSignal): Promise<Machine> {
  const [workers, active, queued, ended] = await Promise.all([
    call("JobService/ListWorkers", {}, signal),
    list(["JOB_STATE_RUNNING", "JOB_STATE_CANCELLING"], MOST, "", signal),
    list(["JOB_STATE_QUEUED"], MOST, "priority desc", signal),
    list(["JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_DIVERGED"], RECENT, "finished desc", signal),
  ]);
  const rows = (jobs: Job[]): Row[] => jobs.map((job) => rowOf(job, experiments));
  const machine = machineOf(workers, rows(active), rows(queued), rows(ended));
  const held = machine.next && (await call("JobService/GetJob", { job_id: machine.next.id }, signal)).job?.held_up;
  return { ...machine, heldUp: held ?? "", facts: ended[0]?.facts ?? {} };
}
