// selection.tsx - what is done to the selected jobs, all together.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useAction } from "../lib/hooks";
import { count, plural } from "../lib/format";
import { go, hrefOf } from "../router";
import { Confirm, ErrorBox } from "../ui/parts";
import { type Change, type Changed, change, outcomeText } from "./actions";
import { ChangeForm } from "./change";
import { type Row, canCancel, canResume, isOver } from "./rows";

interface Props {
  rows: Row[];
  role: string;
  onDone: (changed: Changed, text: string, gone: string[]) => void; // `gone`: ids of jobs that are no more
  onClear: () => void;
}
type Open = "nothing" | "change" | "delete";

const NOT_FOUND = 5; // google.rpc.Code
const idsOf = (rows: Row[]): string[] => rows.map((row) => row.id);

function goneOf({ jobs, not_changed }: Changed, method: Change): string[] {
  const missing = not_changed.filter((job) => job.code === NOT_FOUND);
  return [...(method === "JobService/DeleteJobs" ? jobs : []), ...missing].map((job) => job.job_id);
}

export function Selection({ rows, role, onDone, onClear }: Props): JSX.Element {
  const { busy, error, run } = useAction();
  const [open, setOpen] = useState<Open>("nothing");
  const [done, setDone] = useState(0);
  const stoppable = rows.filter(canCancel);
  const resumable = rows.filter(canResume);
  const over = rows.filter((row) => isOver(row.state));
  const tell = (changed: Changed, method: Change, word: string): void =>
    onDone(changed, outcomeText(changed, word), goneOf(changed, method));
  const act = (method: Change, of: Row[], word: string): void =>
    run(async () => {
      setOpen("nothing");
      tell(await change(method, idsOf(of), {}, setDone), method, word);
    });
  const button = (text: string, method: Change, of: Row[], word: string): JSX.Element => (
    <button type="button" class="button tiny" disabled={busy || role === "viewer" || !of.length} onClick={() => act(method, of, word)}>
      {text} {of.length ? count(of.length) : ""}
    </button>
  );
  return (
    <div class="actions" role="group" aria-label="Selected jobs">
      <strong>{plural(rows.length, "job")} selected</strong>
      <button type="button" class="button tiny" onClick={() => go(hrefOf(["compare"], { jobs: idsOf(rows).join() }))}>
        Compare
      </button>
      {button("Cancel", "JobService/CancelJobs", stoppable, "told to stop")}
      {button("Resume", "JobService/ResumeJobs", resumable, "resumed")}
      <button
        type="button"
        class="button tiny"
        disabled={busy || role === "viewer"}
        aria-expanded={open === "change"}
        onClick={() => setOpen(open === "change" ? "nothing" : "change")}
      >
        Priority and labels
      </button>
      {role === "admin" && (
        <button type="button" class="button tiny danger" disabled={busy || !over.length} onClick={() => setOpen("delete")}>
          Delete {over.length ? count(over.length) : ""}
        </button>
      )}
      <button type="button" class="button tiny quiet" onClick={onClear}>
        Clear
      </button>
      {busy && done > 0 && <span role="status">{count(done)} done</span>}
      {error && <ErrorBox error={error} doing="That" />}
      {open === "change" && <ChangeForm jobs={rows} onDone={(changed) => tell(changed, "JobService/UpdateJobs", "changed")} />}
      {open === "delete" && (
        <Confirm
          title={`Delete ${plural(over.length, "job")}?`}
          action="Delete for ever"
          onYes={() => act("JobService/DeleteJobs", over, "deleted")}
          onNo={() => setOpen("nothing")}
        >
          <p>Curves, checkpoints and files go with them. This cannot be undone.</p>
        </Confirm>
      )}
    </div>
  );
}
