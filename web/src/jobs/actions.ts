// actions.ts - what can be done to jobs, a few at a time.
import type { Unary } from "../api/client";
import { call } from "../api/client";
import type { Job } from "../api/wire";

type JobAction = Extract<Unary, "JobService/CancelJob" | "JobService/ResumeJob" | "JobService/DeleteJob">;
const AT_ONCE = 8;

// Calls `method` for each job; the first error ends it, after those under way. Returns the jobs as they are now.
export async function forEach(method: JobAction, ids: string[]): Promise<Job[]> {
  const jobs: Job[] = [];
  const queue = [...ids];
  const work = async (): Promise<void> => {
    for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
      try {
        const answer = await call(method, { request_id: crypto.randomUUID(), job_id: id });
        if ("job" in answer && answer.job) jobs.push(answer.job);
      } catch (error) {
        queue.length = 0;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: Math.min(AT_ONCE, ids.length) }, work));
  const failed = results.find((r): r is PromiseRejectedResult => r.status === "rejected");
  if (failed) throw failed.reason;
  return jobs;
}
