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
import { forEach } from "./actions";
import { isPicture, readArtifact } from "./artifacts";
import { CurveChart } from "./curve";
import { changes } from "./feed";
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
      Object.entries(job.labels)
        .map(([k, v]) => `${k}=${v}`)
        .join("  "),
    ],
    ["Identity", job.identity],
    ["Fingerprint", job.fingerprint],
  ];
}

function Actions({ job, row, role, reload }: { job: Job; row: Row; role: string; reload: () => void }): JSX.Element {
  const { busy, error, run } = useAction();
  const [asking, setAsking] = useState(false);
  const id = job.job_id;
  const cancel = (): void => run(async () => (await forEach("JobService/CancelJob", [id]), reload()));
  const resume = (): void =>
    run(async () => {
      const [next] = await forEach("JobService/ResumeJob", [id]);
      say({ text: `${id} goes on as ${next.job_id}` });
      go(hrefOf(["jobs", next.job_id]));
    });
  const remove = (): void =>
    run(async () => {
      setAsking(false);
      await forEach("JobService/DeleteJob", [id]);
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
        {isOver(row.state) && role === "admin" && (
          <button type="button" class="button quiet" disabled={busy} onClick={() => setAsking(true)}>
            Delete
          </button>
        )}
      </div>
      {error && <ErrorBox error={error} doing="That" />}
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

export function JobDetail({ id, experiments, role }: { id: string; experiments: Experiments; role: string }): JSX.Element {
  const job = useLoaded(id, async (signal) => (await call("JobService/GetJob", { job_id: id }, signal)).job!);
  const series = useLoaded(id, async (signal) => (await call("CurveService/ListSeries", { job_id: id }, signal)).series);
  const files = useLoaded(id, async (signal) => (await call("ArtifactService/ListArtifacts", { job_id: id }, signal)).artifacts);
  const [seen, setSeen] = useState(0);
  const [turn, setTurn] = useState(0);
  useEffect(() => changes.subscribe((jobs) => jobs.some((j) => j.job_id === id) && setSeen((n) => n + 1)), [id]);
  useThrottled(seen, 1500, () => {
    [job, series, files].forEach((part) => part.reload());
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
              <section>
                <h3>Configuration</h3>
                <Configuration job={value} experiments={experiments} />
              </section>
              <section>
                <h3>Times and identity</h3>
                <Facts of={timesOf(value, row)} />
              </section>
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
