// view.tsx - what computes now, what waits for it and why.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call } from "../api/client";
import type { Experiment, Job, JobState } from "../api/wire";
import { seconds } from "../api/values";
import { count, duration, percent, plural, short } from "../lib/format";
import { useLoaded, useNow, useThrottled } from "../lib/hooks";
import { hrefOf } from "../router";
import { changes } from "../jobs/feed";
import { type Row, rowOf, secondsLeft, secondsTaken, shareDone } from "../jobs/rows";
import { State } from "../jobs/state";
import { Progress, Show } from "../ui/parts";

interface Machine {
  active: Row[];
  queued: Row[]; // the newest ones
  moreQueued: boolean;
  heldUp: string; // why the head of the queue waits
  recent: Row[]; // ended
  facts: Record<string, string>; // of the last run
}

const MOST = 1000;
const RECENT = 200;
const HARDWARE = ["cpu", "isa", "threads", "version", "commit", "compiler", "build_type"];

async function list(states: JobState[], page_size: number, signal: AbortSignal): Promise<{ jobs: Job[]; more: boolean }> {
  const page = await call("JobService/ListJobs", { states, page_size }, signal);
  return { jobs: page.jobs, more: page.next_page_token !== "" };
}

async function loadMachine(experiments: Map<string, Experiment>, signal: AbortSignal): Promise<Machine> {
  const [active, queued, recent] = await Promise.all([
    list(["JOB_STATE_RUNNING", "JOB_STATE_CANCELLING"], MOST, signal),
    list(["JOB_STATE_QUEUED"], MOST, signal),
    list(["JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_DIVERGED"], RECENT, signal),
  ]);
  const rows = (jobs: Job[]): Row[] => jobs.map((job) => rowOf(job, experiments));
  const waiting = rows(queued.jobs);
  const head = [...waiting].sort((a, b) => b.priority - a.priority || a.created - b.created)[0];
  const held = head && (await call("JobService/GetJob", { job_id: head.id }, signal)).job?.held_up;
  const last = [...recent.jobs].sort((a, b) => seconds(b.finished) - seconds(a.finished))[0];
  return {
    active: rows(active.jobs),
    queued: waiting,
    moreQueued: queued.more,
    heldUp: held ?? "",
    recent: rows(recent.jobs),
    facts: last?.facts ?? {},
  };
}

function Tile({ name, value, note }: { name: string; value: string; note?: string }): JSX.Element {
  return (
    <div class="tile card">
      <h2>{name}</h2>
      <p class="value">{value}</p>
      {note && <p>{note}</p>}
    </div>
  );
}

function Workers({ rows, now }: { rows: Row[]; now: number }): JSX.Element {
  if (rows.length === 0) return <p class="note">No worker has a job now.</p>;
  return (
    <div class="card scroll" tabIndex={0} role="region" aria-label="Workers">
      <table class="data">
        <thead>
          <tr>
            {["Worker", "Job", "Run", "Progress", "Updates/s", "Running", "Left"].map((name, i) => (
              <th key={name} scope="col" class={i < 3 ? "l" : ""}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id}>
              <th class="l mono" scope="row">
                {row.worker}
              </th>
              <td class="l">
                <a href={hrefOf(["jobs", row.id])}>{row.id}</a> <State name={row.state} />
              </td>
              <td class="l">
                {row.experiment}{" "}
                <span class="dim">
                  {row.config} seed={row.seed}
                </span>
              </td>
              <td>
                <div class="progress-cell">
                  <Progress share={shareDone(row)} />
                  {percent(shareDone(row))}
                </div>
              </td>
              <td>{row.rate ? short(row.rate) : ""}</td>
              <td>{row.started ? duration(now - row.started) : ""}</td>
              <td>{secondsLeft(row) === undefined ? "" : duration(secondsLeft(row)!)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Queue({ of }: { of: Machine }): JSX.Element {
  const groups = new Map<string, Row[]>();
  for (const row of of.queued) {
    const name = `${row.experiment}\n${row.priority}`;
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  if (groups.size === 0) return <p class="note">The queue is empty.</p>;
  const rows = [...groups.values()].sort((a, b) => b[0].priority - a[0].priority);
  return (
    <div class="card scroll" tabIndex={0} role="region" aria-label="Queue">
      <table class="data">
        <thead>
          <tr>
            <th class="l" scope="col">
              Experiment
            </th>
            <th scope="col">Priority</th>
            <th scope="col">Jobs</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((group) => (
            <tr key={`${group[0].experiment} ${group[0].priority}`}>
              <th class="l" scope="row">
                <a href={hrefOf(["jobs"], { state: "queued", experiment: group[0].experiment })}>{group[0].experiment}</a>
              </th>
              <td>{group[0].priority}</td>
              <td>{count(group.length)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function MachineView({ experiments }: { experiments: Map<string, Experiment> }): JSX.Element {
  const machine = useLoaded("machine", (signal) => loadMachine(experiments, signal));
  const now = useNow();
  const [seen, setSeen] = useState(0);
  useEffect(() => changes.subscribe(() => setSeen((n) => n + 1)), []);
  useThrottled(seen, 1000, machine.reload);
  return (
    <>
      <div class="head">
        <h1>Machine</h1>
      </div>
      <Show of={machine} what="the machine">
        {(value) => {
          const hour = value.recent.filter((row) => row.finished > now - 3600);
          const typical = hour.map(secondsTaken).sort((a, b) => a - b)[Math.floor(hour.length / 2)];
          const workers = new Set(value.active.map((row) => row.worker).filter(Boolean)).size;
          const rate = value.active.reduce((sum, row) => sum + row.rate, 0);
          const hardware = HARDWARE.filter((key) => value.facts[key]);
          return (
            <>
              <div class="tiles">
                <Tile
                  name="Workers busy"
                  value={String(workers)}
                  note={value.active.length ? plural(value.active.length, "job") : "nothing runs"}
                />
                <Tile
                  name="Queue"
                  value={`${count(value.queued.length)}${value.moreQueued ? "+" : ""}`}
                  note={value.heldUp || (value.queued.length ? "waits for a free slot" : "empty")}
                />
                <Tile name="Ended in the last hour" value={count(hour.length)} note={typical ? `median ${duration(typical)}` : undefined} />
                <Tile name="Updates a second" value={rate ? short(rate) : "\u2013"} note="of all running jobs" />
              </div>
              <section class="section">
                <h2>Workers</h2>
                <Workers rows={value.active} now={now} />
              </section>
              <section class="section">
                <h2>Queue</h2>
                <Queue of={value} />
              </section>
              {hardware.length > 0 && (
                <section class="section">
                  <h2>Where the last run was computed</h2>
                  <dl class="facts card pad">
                    {hardware.map((key) => (
                      <>
                        <dt>{key}</dt>
                        <dd>{value.facts[key]}</dd>
                      </>
                    ))}
                  </dl>
                </section>
              )}
            </>
          );
        }}
      </Show>
    </>
  );
}
