// view.tsx - forms made from what an experiment says of its fields; what would be queued is shown before it is.
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { CallError, call } from "../api/client";
import { changesOf, sameValue, specOf, valuesOf, type Values } from "../api/spec";
import type { BatchCreateJobsResponse, CreateJobRequest, Experiment, Field } from "../api/wire";
import { useAction, useLoaded } from "../lib/hooks";
import { plural } from "../lib/format";
import { type Place, go, hrefOf } from "../router";
import { labelsOf } from "../jobs/labels";
import { ErrorBox, Wait, say } from "../ui/parts";
import { type Run, MOST_JOBS, combinations, expand, fieldOf } from "./sweep";

interface Options {
  seeds: string;
  labels: string;
  priority: string;
  rerun: boolean;
  force: boolean;
}
const DEFAULTS: Options = { seeds: "1", labels: "", priority: "0", rerun: false, force: false };

function requestsOf(experiment: Experiment, runs: Run[], options: Options): CreateJobRequest[] {
  return runs.map(({ values, seed }) => ({
    request_id: "",
    spec: specOf(experiment, values, seed),
    priority: Number(options.priority) || 0,
    labels: labelsOf(options.labels),
    rerun: options.rerun,
    force: options.force,
  }));
}

interface FieldProps {
  field: Field;
  text: string;
  wrong: string[];
  onText: (text: string) => void;
}

// The choices of a field; several pressed are a sweep, none is the default.
function Chips({ field, text, onText }: FieldProps): JSX.Element {
  const choices = field.type === "bool" ? ["true", "false"] : field.choices.map((choice) => choice.name);
  const chosen = expand(text);
  const toggle = (name: string): void => onText(choices.filter((c) => (c === name) !== chosen.includes(c)).join(", "));
  return (
    <div class="chips" role="group" aria-label={field.name} aria-describedby={`field-${field.name}-meaning`}>
      {choices.map((name) => (
        <button
          key={name}
          type="button"
          class={`button tiny${name === field.default_value ? " default" : ""}`}
          aria-pressed={chosen.includes(name)}
          onClick={() => toggle(name)}
        >
          {name}
        </button>
      ))}
    </div>
  );
}

function TextBox({ field, text, wrong, onText }: FieldProps): JSX.Element {
  return (
    <input
      class="input"
      id={`field-${field.name}`}
      placeholder={field.default_value}
      value={text}
      autocomplete="off"
      spellcheck={false}
      aria-invalid={wrong.length > 0}
      aria-describedby={`field-${field.name}-meaning`}
      onInput={(e) => onText(e.currentTarget.value)}
    />
  );
}

const rangeOf = (field: Field): string =>
  [field.range.replaceAll(">=", "\u2265").replaceAll("<=", "\u2264"), field.unit].filter(Boolean).join(" ");

function FieldRow(props: FieldProps): JSX.Element {
  const { field, text, wrong } = props;
  const changed = text !== "" && !sameValue(text, field.default_value);
  const chosen = field.choices.filter((choice) => expand(text || field.default_value).includes(choice.name));
  const byChips = field.type === "bool" || field.choices.length > 0;
  return (
    <div class={`form-row${changed ? " changed" : ""}`}>
      {byChips ? <span class="name">{field.name}</span> : <label for={`field-${field.name}`}>{field.name}</label>}
      {byChips ? <Chips {...props} /> : <TextBox {...props} />}
      <div class="meaning" id={`field-${field.name}-meaning`}>
        {field.meaning}
        {chosen.map((choice) => (
          <span class="range" key={choice.name}>
            <strong>{choice.name}</strong>: {choice.meaning}
          </span>
        ))}
        {!byChips && <span class="range">{rangeOf(field) || field.type}</span>}
        {wrong.map((message) => (
          <p class="wrong" key={message}>
            {message}
          </p>
        ))}
      </div>
    </div>
  );
}

interface DryRun {
  answer?: BatchCreateJobsResponse;
  error?: CallError;
}

function Preview({ dry, runs, experiment }: { dry: DryRun; runs: Run[]; experiment: Experiment }): JSX.Element {
  if (dry.error) {
    return dry.error.violations.length ? (
      <p class="error-box" role="status">
        <strong>{plural(new Set(dry.error.violations.map((v) => fieldOf(v.field))).size, "field")} to correct.</strong> See beside each.
      </p>
    ) : (
      <ErrorBox error={dry.error} doing="The dry run" />
    );
  }
  if (!dry.answer) return <Wait what="the dry run" />;
  const reused = dry.answer.jobs.filter((job) => job.reused).length;
  const warnings = [...new Set(dry.answer.jobs.map((job) => job.warning).filter(Boolean))];
  return (
    <div class="stack">
      <p role="status">
        <strong>{plural(runs.length, "job")}</strong>
        {reused > 0 && (
          <>
            , of which {reused} {reused === 1 ? "is" : "are"} stored or under way already
          </>
        )}
      </p>
      {warnings.map((warning) => (
        <p class="warn-box" key={warning}>
          {warning}
        </p>
      ))}
      <ol class="small">
        {runs.slice(0, 12).map((run, i) => {
          const answer = dry.answer!.jobs[i];
          return (
            <li key={i} class="row">
              <span class="mono">
                {[...changesOf(run.values, experiment.fields).map(([k, v]) => `${k}=${v}`), `seed=${run.seed}`].join(" ")}
              </span>
              {answer?.reused && (
                <span class="tag">
                  {answer.job?.job_id ? <a href={hrefOf(["jobs", answer.job.job_id])}>{answer.job.job_id}</a> : "twice here"}
                </span>
              )}
            </li>
          );
        })}
        {runs.length > 12 && <li class="dim">and {runs.length - 12} more</li>}
      </ol>
    </div>
  );
}

// Asks the server what it would do, a moment after the last change.
function useDryRun(experiment: Experiment, runs: Run[], options: Options): DryRun {
  const [state, setState] = useState<DryRun>({});
  const key = JSON.stringify([experiment.name, runs, options]);
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(() => {
      call(
        "JobService/BatchCreateJobs",
        { request_id: crypto.randomUUID(), requests: requestsOf(experiment, runs, options), validate_only: true },
        stop.signal,
      )
        .then((answer) => setState({ answer }))
        .catch((error) => !stop.signal.aborted && setState({ error }));
    }, 250);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [key]);
  return state;
}

function Form({
  experiment,
  start,
  role,
}: {
  experiment: Experiment;
  start: { values: Values; options: Partial<Options> };
  role: string;
}): JSX.Element {
  const [values, setValues] = useState<Values>(start.values);
  const [options, setOptions] = useState<Options>({ ...DEFAULTS, ...start.options });
  const [find, setFind] = useState("");
  const { busy, error, run } = useAction();
  const runs = useMemo(() => combinations(values, options.seeds), [values, options.seeds]);
  const tooMany = runs.length > MOST_JOBS;
  const dry = useDryRun(experiment, tooMany ? runs.slice(0, 1) : runs, options);
  const wrong = new Map<string, Set<string>>();
  for (const { field, description } of dry.error?.violations ?? []) {
    wrong.set(fieldOf(field), (wrong.get(fieldOf(field)) ?? new Set()).add(description));
  }
  const set = <K extends keyof Options>(key: K, value: Options[K]): void => setOptions({ ...options, [key]: value });
  const submit = (event: Event): void => {
    event.preventDefault();
    run(async () => {
      const answer = await call("JobService/BatchCreateJobs", {
        request_id: crypto.randomUUID(),
        requests: requestsOf(experiment, runs, options),
      });
      const fresh = answer.jobs.filter((job) => !job.reused).length;
      say({ text: `${plural(fresh, "job")} queued${fresh < answer.jobs.length ? `, ${answer.jobs.length - fresh} there already` : ""}` });
      go(answer.jobs.length === 1 ? hrefOf(["jobs", answer.jobs[0].job!.job_id]) : hrefOf(["jobs"], { experiment: experiment.name }));
    });
  };
  const shown = experiment.fields.filter(
    (field) => !find || `${field.name} ${field.meaning}`.toLowerCase().includes(find.toLowerCase()) || wrong.has(field.name),
  );
  return (
    <form class="submit" onSubmit={submit}>
      <div>
        <div class="section-head">
          <h2>Fields of {experiment.name}</h2>
          <input
            class="input"
            type="search"
            aria-label="Find a field"
            placeholder="Find a field"
            value={find}
            onInput={(e) => setFind(e.currentTarget.value)}
          />
        </div>
        <p class="note">Left empty, a field is as by default (grey, or dashed). Several values make a sweep: 128, 4 or 1-6.</p>
        <div class="card">
          {shown.map((field) => (
            <FieldRow
              key={field.name}
              field={field}
              text={values[field.name] ?? ""}
              wrong={[...(wrong.get(field.name) ?? [])]}
              onText={(text) => setValues({ ...values, [field.name]: text })}
            />
          ))}
        </div>
      </div>
      <aside class="card pad stack" aria-label="What will be queued">
        <label class="field">
          Seeds
          <input
            class="input"
            value={options.seeds}
            aria-invalid={wrong.has("seed")}
            onInput={(e) => set("seeds", e.currentTarget.value)}
          />
        </label>
        <label class="field">
          Labels
          <input class="input" placeholder="study=width" value={options.labels} onInput={(e) => set("labels", e.currentTarget.value)} />
        </label>
        <label class="field">
          Priority, higher runs first
          <input class="input" type="number" value={options.priority} onInput={(e) => set("priority", e.currentTarget.value)} />
        </label>
        <label class="check">
          <input type="checkbox" checked={options.rerun} onChange={(e) => set("rerun", e.currentTarget.checked)} />
          Run again what is stored already
        </label>
        <label class="check">
          <input type="checkbox" checked={options.force} onChange={(e) => set("force", e.currentTarget.checked)} />
          Queue even if the data set is missing here
        </label>
        {tooMany ? (
          <p class="error-box">More than {MOST_JOBS} jobs at once; narrow the sweep.</p>
        ) : (
          <Preview dry={dry} runs={runs} experiment={experiment} />
        )}
        {error && <ErrorBox error={error} doing="Submitting" />}
        <button type="submit" class="button primary" disabled={busy || tooMany || Boolean(dry.error) || role === "viewer"}>
          Submit {plural(runs.length, "job")}
        </button>
        {role === "viewer" && <p class="note">Your token lets you look, not submit.</p>}
      </aside>
    </form>
  );
}

// A form that starts as the job `from` was.
function FormLike({ experiment, from, role }: { experiment: Experiment; from: string; role: string }): JSX.Element {
  const job = useLoaded(from, async (signal) => (await call("JobService/GetJob", { job_id: from }, signal)).job!);
  if (job.error) return <ErrorBox error={job.error} doing={`Loading ${from}`} />;
  if (!job.value) return <Wait what={from} />;
  const values = Object.fromEntries(changesOf(valuesOf(job.value.spec!), experiment.fields));
  return (
    <Form
      experiment={experiment}
      start={{ values, options: { seeds: job.value.spec!.seed ?? "1", priority: String(job.value.priority) } }}
      role={role}
    />
  );
}

export function SubmitView({
  place,
  experiments,
  role,
}: {
  place: Place;
  experiments: Map<string, Experiment>;
  role: string;
}): JSX.Element {
  const chosen = experiments.get(place.path[1] ?? "");
  const from = place.query.get("from");
  return (
    <>
      <div class="head">
        <h1>Submit</h1>
      </div>
      <nav class="choices" aria-label="Experiments">
        {[...experiments.values()].map((experiment) => (
          <a
            key={experiment.name}
            class="card"
            href={hrefOf(["submit", experiment.name])}
            aria-current={experiment === chosen ? "page" : undefined}
          >
            <h2>{experiment.name}</h2>
            <p class="dim">{experiment.summary}</p>
          </a>
        ))}
      </nav>
      {chosen &&
        (from ? (
          <FormLike key={`${chosen.name} ${from}`} experiment={chosen} from={from} role={role} />
        ) : (
          <Form key={chosen.name} experiment={chosen} start={{ values: {}, options: {} }} role={role} />
        ))}
    </>
  );
}
