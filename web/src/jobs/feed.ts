// feed.ts - the jobs of one filter, newest first: pages as they are wanted, and every change as it happens.
import type { Experiment, Job, ListJobsRequest } from "../api/wire";
import { CallError, call, stream } from "../api/client";
import { long } from "../api/values";
import { keepUp } from "../lib/keep";
import { type Row, rowOf, wireState } from "./rows";

export interface Filter {
  states: string[];
  experiment: string;
  labels: Record<string, string>;
}

const FIRST_PAGE = 100;
const PAGE = 1000;

export function passes(row: Row, filter: Filter): boolean {
  return (
    (filter.states.length === 0 || filter.states.includes(row.state)) &&
    (!filter.experiment || row.experiment === filter.experiment) &&
    Object.entries(filter.labels).every(([key, value]) => row.labels[key] === value)
  );
}

export class Feed {
  rows = new Map<string, Row>();
  complete = false; // every page is here
  filling = false; // all pages are on their way
  error?: CallError;
  private token = "";
  private loading = false;
  private revision = 0;
  private readonly stop = new AbortController();

  constructor(
    private readonly filter: Filter,
    private readonly experiments: Map<string, Experiment>,
    private readonly changed: () => void,
  ) {}

  close(): void {
    this.stop.abort();
  }

  async start(): Promise<void> {
    await this.more(FIRST_PAGE);
    this.changed();
  }

  // The next page, unless one is on its way or all are here.
  async more(size = PAGE): Promise<void> {
    if (this.loading || this.complete || this.stop.signal.aborted) return;
    this.loading = true;
    try {
      const request: Partial<ListJobsRequest> = {
        page_size: size,
        page_token: this.token,
        states: this.filter.states.map(wireState),
        experiment: this.filter.experiment,
        labels: this.filter.labels,
      };
      const page = await call("JobService/ListJobs", request, this.stop.signal);
      page.jobs.forEach((job) => this.take(job));
      this.token = page.next_page_token;
      this.complete = !this.token;
      this.error = undefined;
    } catch (error) {
      if (!this.stop.signal.aborted) this.error = error as CallError;
    } finally {
      this.loading = false;
      this.changed();
    }
  }

  // All pages, one after the other; the list is shown meanwhile.
  async all(): Promise<void> {
    if (this.filling) return;
    this.filling = true;
    while (!this.complete && !this.error && !this.stop.signal.aborted) {
      await this.more();
      await new Promise((done) => setTimeout(done));
    }
    this.filling = false;
    this.changed();
  }

  // A job that changed: it comes, is renewed, or leaves the filter.
  update(jobs: Job[]): void {
    for (const job of jobs) {
      const row = rowOf(job, this.experiments);
      const old = this.rows.get(row.id);
      if (old && old.revision > row.revision) continue;
      if (passes(row, this.filter)) this.rows.set(row.id, row);
      else if (old) this.rows.delete(row.id);
    }
    this.changed();
  }

  remove(ids: string[]): void {
    ids.forEach((id) => this.rows.delete(id));
    this.changed();
  }

  private take(job: Job): void {
    const row = rowOf(job, this.experiments);
    const old = this.rows.get(row.id);
    if (!old || old.revision <= row.revision) this.rows.set(row.id, row);
    this.revision = Math.max(this.revision, long(job.revision));
  }
}

type Listener = (jobs: Job[]) => void;
export type Link = "opening" | "live" | "away";

// One stream of changes for the whole page: browsers open few connections to one server.
class Changes {
  private readonly listeners = new Set<Listener>();
  private readonly statusListeners = new Set<(link: Link) => void>();
  private revision?: number;
  private begin!: () => void;
  link: Link = "opening";
  // From here on every change is heard of. What a view reads earlier may change between its answer and the stream.
  readonly begun = new Promise<void>((done) => (this.begin = done));

  subscribe(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  onStatus(listener: (link: Link) => void): () => void {
    this.statusListeners.add(listener);
    return () => this.statusListeners.delete(listener);
  }

  // While the page is hidden nothing is streamed; what was missed follows when it is shown. Returns what ends it.
  start(): () => void {
    this.setLink("opening");
    return keepUp(
      (signal, alive) => this.read(signal, alive),
      (error) => {
        this.setLink("away");
        return !(error instanceof CallError && error.status === "UNAUTHENTICATED");
      },
    );
  }

  private async read(signal: AbortSignal, alive: () => void): Promise<boolean> {
    const newest = await newestRevision(signal);
    this.revision ??= newest;
    this.begin();
    this.setLink("live");
    for await (const { jobs } of stream("JobService/WatchJobs", { after_revision: String(this.revision) }, signal)) {
      alive();
      this.revision = jobs.reduce((most, job) => Math.max(most, long(job.revision)), this.revision!);
      this.listeners.forEach((listener) => listener(jobs));
    }
    return false;
  }

  private setLink(link: Link): void {
    this.link = link;
    this.statusListeners.forEach((listener) => listener(link));
  }
}

// Changes later than those of the newest jobs are what a page that opens now must hear of.
async function newestRevision(signal: AbortSignal): Promise<number> {
  const { jobs } = await call("JobService/ListJobs", { page_size: FIRST_PAGE }, signal);
  return jobs.reduce((most, job) => Math.max(most, long(job.revision)), 0);
}

export const changes = new Changes();
