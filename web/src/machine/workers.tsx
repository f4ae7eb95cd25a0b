// workers.tsx - who works for the server, on what, and why not.
import type { JSX } from "preact";
import { seconds } from "../api/values";
import { clock, duration, percent, short } from "../lib/format";
import { hrefOf } from "../router";
import { type Row, secondsLeft, shareDone } from "../jobs/rows";
import { State } from "../jobs/state";
import { Progress } from "../ui/parts";
import type { Worker } from "./load";

const COLUMNS = ["Worker", "Job", "Progress", "Updates/s", "For", "Left", "Heard"];

function JobOf({ worker }: { worker: Worker }): JSX.Element {
  const { of, row } = worker;
  if (!of.job_id) return <span class="dim">{of.waits_for || "waits"}</span>;
  return (
    <>
      <a href={hrefOf(["jobs", of.job_id])}>{of.job_id}</a> {row && <State name={row.state} />}
      <span class="sub">
        {row && `${row.experiment} ${row.config} seed=${row.seed}`}
        {of.attempt > 1 && `, attempt ${of.attempt}`}
      </span>
      {of.waits_for && <span class="sub warn">{of.waits_for}</span>}
    </>
  );
}

function ProgressOf({ row }: { row: Row }): JSX.Element {
  return (
    <div class="progress-cell">
      <Progress share={shareDone(row)} />
      {percent(shareDone(row))}
    </div>
  );
}

function WorkerRow({ worker, now }: { worker: Worker; now: number }): JSX.Element {
  const { of, row } = worker;
  const left = row && secondsLeft(row);
  const ago = (time: string | undefined): string => (time ? duration(now - seconds(time)) : "");
  return (
    <tr>
      <th class="l" scope="row">
        <span class="mono">{of.worker || "just started"}</span>
        <span class="sub">{of.kept ? "kept by the server" : "started by hand"}</span>
      </th>
      <td class="l wide">
        <JobOf worker={worker} />
      </td>
      <td>{row && <ProgressOf row={row} />}</td>
      <td>{row?.rate ? short(row.rate) : ""}</td>
      <td title={clock(seconds(of.since))}>{ago(of.since)}</td>
      <td>{left === undefined ? "" : duration(left)}</td>
      <td title={clock(seconds(of.last_heard))}>{of.last_heard && `${ago(of.last_heard)} ago`}</td>
    </tr>
  );
}

export function Workers({ workers, slots, now }: { workers: Worker[]; slots: number; now: number }): JSX.Element {
  if (workers.length === 0) {
    return (
      <p class="note">
        No worker has asked for a job.{slots === 0 && " This server starts none itself: start normlab-worker where something shall compute."}
      </p>
    );
  }
  return (
    <div class="card scroll" tabIndex={0} role="region" aria-label="Workers">
      <table class="data workers">
        <thead>
          <tr>
            {COLUMNS.map((name, i) => (
              <th key={name} scope="col" class={i < 2 ? "l" : ""}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {workers.map((worker, i) => (
            <WorkerRow key={worker.of.worker || i} worker={worker} now={now} />
          ))}
        </tbody>
      </table>
    </div>
  );
}
