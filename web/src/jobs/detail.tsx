// detail.tsx - everything about one job.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call } from "../api/client";
import { experimentOf, sameValue, valuesOf } from "../api/spec";
import type { Artifact, Experiment, Job, Series } from "../api/wire";
import { double, long, seconds } from "../api/values";
import { bytes, clock, count, duration, percent, short } from "../lib/format";
import { useAction, useLoaded, useThrottled } from "../lib/hooks";
import { go, hrefOf } from "../router";
import { Confirm, ErrorBox, Progress, Show, download, say } from "../ui/parts";
import { type Changed, changeOne, outcomeText } from "./actions";
import { isPicture, readArtifact } from "./artifacts";
import { Attempts } from "./attempts";
import { ChangeForm } from "./change";
import { CurveChart } from "./curve";
import { changes } from "./feed";
import { JobLog } from "./log";
import { Picture } from "./picture";
import { type Row, canCancel, canResume, isOver, rowOf, secondsLeft, shareDone } from "./rows";
import { State } from "./state";

type Experiments = Map<string, Experiment>;

function Facts({ of }: { of: [string, string | JSX.Element][] }): JSX.Element {
  return (
    <dl class="facts">
      {of
        .filter(([, value]) => value !== "")
        .map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </>
        ))}
    </dl>
  );
}

function timesOf(job: Job, row: Row): [string, string | JSX.Element][] {
  const left = secondsLeft(row);
  return [
    ["Progress", row.total ? `${percent(shareDone(row))}, ${count(row.done)} of ${count(row.total)} updates` : ""],
    ["Time left", left === undefined ? "" : duration(left)],
    ["Speed", row.rate && row.state === "running" ? `${short(row.rate)} updates/s` : ""],
    ["Created", clock(row.created)],
    ["Started", clock(row.started)],
    ["Finished", clock(row.finished)],
    ["Took", row.finished && row.started ? `${duration(seconds(job.finished) - seconds(job.started))}, ${duration(row.cpu)} of CPU` : ""],
    ["Priority", String(job.priority)],
    ["Worker", job.worker ? `${job.worker}, attempt ${job.attempt}` : ""],
    [
      "Labels",
      Object.keys(job.labels).length === 0 ? (
        ""
      ) : (
        <span class="tags">
          {Object.entries(job.labels).map(([key, value]) => (
            <a key={key} class="tag" href={hrefOf(["jobs"], { label: `${key}=${value}` })}>
              {key}={value}
            </a>
          ))}
        </span>
      ),
    ],
    ["Identity", job.identity],
    ["Fingerprint", job.fingerprint],
  ];
}

function Actions({ job, row, role, reload }: { job: Job; row: Row; role: string; reload: () => void }): JSX.Element {
  const { busy, error, run } = useAction();
  const [asking, setAsking] = useState(false);
  const [changing, setChanging] = useState(false);
  const id = job.job_id;
  const cancel = (): void => run(async () => (await changeOne("JobService/CancelJobs", id), reload()));
  const resume = (): void =>
    run(async () => {
      const next = await changeOne("JobService/ResumeJobs", id);
      say({ text: `${id} goes on as ${next.job_id}` });
      go(hrefOf(["jobs", next.job_id]));
    });
  const changed = (outcome: Changed): void => {
    setChanging(false);
    say({ text: outcomeText(outcome, "changed") });
    reload();
  };
  const remove = (): void =>
    run(async () => {
      setAsking(false);
      await changeOne("JobService/DeleteJobs", id);
      say({ text: `${id} is deleted` });
      go("#/jobs");
    });
  return (
    <>
      <div class="row screen-only">
        {canCancel(row) && (
          <button type="button" class="button danger" disabled={busy || role === "viewer"} onClick={cancel}>
            Cancel
          </button>
        )}
        {canResume(row) && (
          <button type="button" class="button" disabled={busy || role === "viewer"} onClick={resume}>
            Resume
          </button>
        )}
        <a class="button" href={hrefOf(["submit", row.experiment], { from: id })}>
          Submit one like it
        </a>
        {role !== "viewer" && (
          <button type="button" class="button" aria-expanded={changing} onClick={() => setChanging(!changing)}>
            Priority and labels
          </button>
        )}
        {isOver(row.state) && role === "admin" && (
          <button type="button" class="button quiet" disabled={busy} onClick={() => setAsking(true)}>
            Delete
          </button>
        )}
      </div>
      {error && <ErrorBox error={error} doing="That" />}
      {changing && <ChangeForm jobs={[row]} onDone={changed} />}
      {asking && (
        <Confirm title={`Delete ${id}?`} action="Delete for ever" onYes={remove} onNo={() => setAsking(false)}>
          <p>Its curves, checkpoints and files go with it. This cannot be undone.</p>
        </Confirm>
      )}
    </>
  );
}

function Curves({ job, series, turn }: { job: string; series: Series[]; turn: number }): JSX.Element {
  const [log, setLog] = useState(false);
  if (series.length === 0) return <p class="note">Nothing has been measured yet.</p>;
  return (
    <div class="stack">
      <button type="button" class="button tiny screen-only" aria-pressed={log} onClick={() => setLog(!log)}>
        Log y
      </button>
      <div class="curves">
        {series.map((s) => (
          <CurveChart
            key={s.name}
            series={s.name}
            jobs={[{ job, label: s.name, color: "--c2" }]}
            turn={turn}
            log={log && double(s.max) > 0}
            sync={`job ${job}`}
            level="h4"
          />
        ))}
      </div>
    </div>
  );
}

function Files({ job, artifacts }: { job: string; artifacts: Artifact[] }): JSX.Element {
  const { busy, error, run } = useAction();
  const save = (file: Artifact): void =>
    run(async () => download(`${job}-${file.name}`, file.media_type, await readArtifact(job, file.name)));
  return (
    <div class="stack">
      <div class="samples">
        {artifacts
          .filter((file) => isPicture(file.media_type))
          .map((file) => (
            <figure key={file.name}>
              <Picture job={job} name={file.name} step={file.step} alt={`${file.name} of ${job}`} />
              <figcaption>
                {file.name}, update {count(long(file.step))}
              </figcaption>
            </figure>
          ))}
      </div>
      {error && <ErrorBox error={error} doing="Saving" />}
      <ul class="stack">
        {artifacts.map((file) => (
          <li class="row" key={file.name}>
            <button type="button" class="button tiny" disabled={busy} onClick={() => save(file)}>
              Save
            </button>
            <span class="mono">{file.name}</span>
            <span class="dim small">{bytes(long(file.size))}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Configuration({ job, experiments }: { job: Job; experiments: Experiments }): JSX.Element {
  const [all, setAll] = useState(false);
  const fields = experiments.get(experimentOf(job.spec))?.fields ?? [];
  const values = job.spec ? valuesOf(job.spec) : {};
  const shown = fields.filter((f) => values[f.name] !== undefined && (all || !sameValue(values[f.name], f.default_value)));
  return (
    <div class="stack">
      <Facts
        of={[
          ["seed", job.spec?.seed ?? ""],
          ...shown.map((f): [string, string] => [f.name, values[f.name] + (f.unit ? ` ${f.unit}` : "")]),
        ]}
      />
      <button type="button" class="button tiny screen-only" aria-pressed={all} onClick={() => setAll(!all)}>
        {all ? "Only what is not as by default" : `All ${fields.length} fields`}
      </button>
    </div>
  );
}

// Closed until somebody asks, for each open one is a connection; of a job that failed it is what one looks for.
function LogSection({ id, role, failed }: { id: string; role: string; failed: boolean }): JSX.Element {
  const [open, setOpen] = useState(failed && role !== "viewer");
  return (
    <section>
      <div class="section-head">
        <h3>Log</h3>
        {role !== "viewer" && (
          <button type="button" class="button tiny screen-only" aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? "Hide the log" : "Show the log"}
          </button>
        )}
      </div>
      {role === "viewer" && <p class="note">Your token lets you look at results, not at logs: a submitter's or the admin's does.</p>}
      {open && <JobLog job={id} />}
    </section>
  );
}

export function JobDetail({ id, experiments, role }: { id: string; experiments: Experiments; role: string }): JSX.Element {
  const job = useLoaded(id, async (signal) => (await call("JobService/GetJob", { job_id: id }, signal)).job!);
  const series = useLoaded(id, async (signal) => (await call("CurveService/ListSeries", { job_id: id }, signal)).series);
  const files = useLoaded(id, async (signal) => (await call("ArtifactService/ListArtifacts", { job_id: id }, signal)).artifacts);
  const attempts = useLoaded(id, async (signal) => (await call("JobService/ListAttempts", { job_id: id }, signal)).attempts);
  const [seen, setSeen] = useState(0);
  const [turn, setTurn] = useState(0);
  useEffect(() => changes.subscribe((jobs) => jobs.some((j) => j.job_id === id) && setSeen((n) => n + 1)), [id]);
  useThrottled(seen, 1500, () => {
    [job, series, files, attempts].forEach((part) => part.reload());
    setTurn((n) => n + 1);
  });
  return (
    <article class="detail card" aria-label={`Job ${id}`}>
      <Show of={job} what={id}>
        {(value) => {
          const row = rowOf(value, experiments);
          return (
            <>
              <section class="stack">
                <div class="row spread">
                  <p class="eyebrow">
                    <a href="#/jobs">Jobs</a> · {row.experiment}
                  </p>
                  <State name={row.state} />
                </div>
                <h2>
                  {id} <span class="dim small">{row.config}</span>
                </h2>
                <Progress share={shareDone(row)} tone={row.state === "succeeded" ? "good" : ""} />
                {value.resumed_from && (
                  <p class="note">
                    Goes on from <a href={hrefOf(["jobs", value.resumed_from])}>{value.resumed_from}</a>.
                  </p>
                )}
                {value.error && (
                  <div class="error-box">
                    <strong>{row.state === "diverged" ? "Diverged." : "Failed."}</strong> {value.error}
                  </div>
                )}
                {value.held_up && <p class="warn-box">Held up: {value.held_up}</p>}
                <Actions job={value} row={row} role={role} reload={job.reload} />
              </section>
              <section>
                <h3>Curves</h3>
                <Show of={series} what="the series">
                  {(list) => <Curves job={id} series={list} turn={turn} />}
                </Show>
              </section>
              <LogSection id={id} role={role} failed={row.state === "failed"} />
              <section>
                <h3>Configuration</h3>
                <Configuration job={value} experiments={experiments} />
              </section>
              <section>
                <h3>Times and identity</h3>
                <Facts of={timesOf(value, row)} />
              </section>
              {attempts.error && <ErrorBox error={attempts.error} doing="Loading the attempts" />}
              {(attempts.value?.length ?? 0) > 0 && (
                <section>
                  <h3>Attempts</h3>
                  <Attempts of={attempts.value!} />
                </section>
              )}
              {Object.keys(value.facts).length > 0 && (
                <section>
                  <h3>Facts of the run</h3>
                  <Facts of={Object.entries(value.facts).sort()} />
                </section>
              )}
              {files.error && <ErrorBox error={files.error} doing="Loading the files" />}
              {(files.value?.length ?? 0) > 0 && (
                <section>
                  <h3>Files</h3>
                  <Files job={id} artifacts={files.value!} />
                </section>
              )}
            </>
          );
        }}
      </Show>
    </article>
  );
}
