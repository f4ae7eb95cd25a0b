// change.tsx - the form that changes priority and labels, of one job or of many.
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { plural } from "../lib/format";
import { useAction } from "../lib/hooks";
import { ErrorBox } from "../ui/parts";
import { type Changed, change } from "./actions";
import { labelsOf, notLabels } from "./labels";
import { isOver } from "./rows";

interface Changeable {
  id: string;
  state: string;
  priority: number;
  labels: Record<string, string>;
}

const NOBODY: Changed = { jobs: [], not_changed: [], warnings: [] };

// Labels may be changed at any time, the priority only of jobs that have not ended: so two calls.
async function apply(jobs: Changeable[], priority: string, set_labels: Record<string, string>, remove_labels: string[]): Promise<Changed> {
  const idsOf = (some: Changeable[]): string[] => some.map((job) => job.id);
  const labels = Object.keys(set_labels).length + remove_labels.length > 0;
  const waiting = jobs.filter((job) => !isOver(job.state));
  const first = labels ? await change("JobService/UpdateJobs", idsOf(jobs), { set_labels, remove_labels }) : NOBODY;
  const second = priority !== "" ? await change("JobService/UpdateJobs", idsOf(waiting), { priority: Number(priority) }) : NOBODY;
  return { ...NOBODY, jobs: labels ? first.jobs : second.jobs, not_changed: [...first.not_changed, ...second.not_changed] };
}

const priorityOf = (jobs: Changeable[]): string => {
  const all = new Set(jobs.map((job) => job.priority));
  return all.size === 1 ? String([...all][0]) : "several";
};

export function ChangeForm({ jobs, onDone }: { jobs: Changeable[]; onDone: (changed: Changed) => void }): JSX.Element {
  const { busy, error, run } = useAction();
  const [priority, setPriority] = useState("");
  const [labels, setLabels] = useState("");
  const [removed, setRemoved] = useState<string[]>([]);
  const waiting = useMemo(() => jobs.filter((job) => !isOver(job.state)), [jobs]);
  const keys = useMemo(() => [...new Set(jobs.flatMap((job) => Object.keys(job.labels)))].sort(), [jobs]);
  const wrong = notLabels(labels);
  const set = labelsOf(labels);
  const gone = removed.filter((key) => keys.includes(key) && !(key in set));
  const nothing = priority === "" && gone.length === 0 && Object.keys(set).length === 0;
  const submit = (event: Event): void => {
    event.preventDefault();
    run(async () => onDone(await apply(jobs, priority, set, gone)));
  };
  return (
    <form class="change" aria-label={`Change ${plural(jobs.length, "job")}`} onSubmit={submit}>
      <label class="field narrow">
        Priority, higher runs first
        <input
          class="input"
          type="number"
          step="1"
          placeholder={waiting.length ? priorityOf(waiting) : "all have ended"}
          disabled={waiting.length === 0}
          value={priority}
          onInput={(e) => setPriority(e.currentTarget.value)}
        />
      </label>
      <label class="field">
        Labels to set
        <input
          class="input"
          autocomplete="off"
          spellcheck={false}
          placeholder="study=width keep=yes"
          value={labels}
          aria-invalid={wrong.length > 0}
          onInput={(e) => setLabels(e.currentTarget.value)}
        />
        {wrong.length > 0 && <span class="wrong">{wrong[0]} is no label; write NAME=VALUE</span>}
      </label>
      {keys.length > 0 && (
        <div class="field" role="group" aria-label="Labels to remove">
          Labels to remove
          <div class="chips">
            {keys.map((key) => (
              <button
                key={key}
                type="button"
                class="button tiny"
                aria-pressed={gone.includes(key)}
                disabled={key in set}
                onClick={() => setRemoved(removed.includes(key) ? removed.filter((k) => k !== key) : [...removed, key])}
              >
                {key}
              </button>
            ))}
          </div>
        </div>
      )}
      <button type="submit" class="button primary" disabled={busy || nothing || wrong.length > 0}>
        Change {plural(jobs.length, "job")}
      </button>
      {error && <ErrorBox error={error} doing="Changing" />}
    </form>
  );
}
