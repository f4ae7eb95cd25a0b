// actions.ts - what can be done to jobs, however many.
import type { Ask, Unary } from "../api/client";
import { CallError, call } from "../api/client";
import type { Job, JobFilter, JobNotChanged } from "../api/wire";
import { plural } from "../lib/format";

export type Change = Extract<
  Unary,
  "JobService/CancelJobs" | "JobService/ResumeJobs" | "JobService/DeleteJobs" | "JobService/UpdateJobs"
>;
export interface Changed {
  jobs: Job[]; // little of each: job_id, state, priority, labels, resumed_from
  not_changed: JobNotChanged[];
  warnings: string[];
}

const MOST = 1000; // jobs that one call names

// An answer that got lost is asked for again: with the same request_id nothing is done twice.
async function ask<M extends Change>(method: M, request: Ask<M>): Promise<Changed> {
  const once = async (): Promise<Changed> => ({ warnings: [], ...((await call(method, request)) as Omit<Changed, "warnings">) });
  return once().catch((error: CallError) => {
    if (error.status !== "UNAVAILABLE") throw error;
    return once();
  });
}

// Does it to all of `ids`, in as many calls as that needs; `done` hears how many are behind us. What a job's state does
// not allow is in the answer, an error ends it.
export async function change<M extends Change>(
  method: M,
  ids: string[],
  more: Ask<M> = {},
  done: (jobs: number) => void = () => {},
): Promise<Changed> {
  const all: Changed = { jobs: [], not_changed: [], warnings: [] };
  for (let at = 0; at < ids.length; at += MOST) {
    done(at);
    const filter: JobFilter = { job_ids: ids.slice(at, at + MOST), states: [], experiment: "", labels: {} };
    const part = await ask(method, { ...more, request_id: crypto.randomUUID(), filter });
    all.jobs.push(...part.jobs);
    all.not_changed.push(...part.not_changed);
    all.warnings = [...new Set([...all.warnings, ...part.warnings])];
  }
  return all;
}

// The same for one job, of which a refusal is an error.
export async function changeOne<M extends Change>(method: M, id: string, more: Ask<M> = {}): Promise<Job> {
  const { jobs, not_changed } = await change(method, [id], more);
  if (not_changed.length) throw new CallError("FAILED_PRECONDITION", not_changed[0].reason);
  return jobs[0];
}

const MOST_REASONS = 3;

// "3 jobs resumed. 2 jobs were not: j4 is SUCCEEDED; ..."
export function outcomeText({ jobs, not_changed, warnings }: Changed, word: string): string {
  const texts = [`${plural(jobs.length, "job")} ${word}.`];
  if (not_changed.length) {
    const reasons = not_changed.slice(0, MOST_REASONS).map((job) => job.reason);
    const beyond = not_changed.length - reasons.length;
    texts.push(
      `${plural(not_changed.length, "job was", "jobs were")} not: ${reasons.join("; ")}${beyond ? `; and ${plural(beyond, "other")}` : ""}.`,
    );
  }
  return [...texts, ...warnings].join(" ");
}
