// queue.tsx - what waits, what comes next, and what keeps it.
import type { JSX } from "preact";
import { call } from "../api/client";
import { count } from "../lib/format";
import { useAction } from "../lib/hooks";
import { hrefOf } from "../router";
import type { Row } from "../jobs/rows";
import { ErrorBox } from "../ui/parts";
import type { Machine } from "./load";

// Those of an experiment and a priority, the first in the queue first.
export function groupsOf(waiting: Row[]): Row[][] {
  const groups = new Map<string, Row[]>();
  for (const row of waiting) {
    const name = `${row.experiment}\n${row.priority}`;
    const group = groups.get(name);
    if (group) group.push(row);
    else groups.set(name, [row]);
  }
  return [...groups.values()].sort((a, b) => b[0].priority - a[0].priority);
}

function Next({ of }: { of: Machine }): JSX.Element {
  const { next, heldUp } = of;
  if (!next) return <></>;
  return (
    <p class={heldUp ? "warn-box" : "note"}>
      Next is <a href={hrefOf(["jobs", next.id])}>{next.id}</a>, {next.experiment} {next.config} seed={next.seed}
      {heldUp ? `. Held up: ${heldUp}` : "."}
    </p>
  );
}

// The whole queue held back, or not.
export function HoldButton({ held, reload }: { held: boolean; reload: () => void }): JSX.Element {
  const { busy, error, run } = useAction();
  const toggle = (): void =>
    run(async () => {
      await call("AdminService/Drain", { off: held });
      reload();
    });
  return (
    <>
      <button type="button" class="button tiny screen-only" disabled={busy} onClick={toggle}>
        {held ? "Let jobs begin" : "Let no job begin"}
      </button>
      {error && <ErrorBox error={error} doing="That" />}
    </>
  );
}

export function Queue({ of }: { of: Machine }): JSX.Element {
  if (of.queued === 0) return <p class="note">The queue is empty.</p>;
  const beyond = of.queued - of.waiting.length;
  return (
    <div class="stack">
      <Next of={of} />
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
            {groupsOf(of.waiting).map((group) => (
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
      {beyond > 0 && <p class="note">And {count(beyond)} more behind these.</p>}
    </div>
  );
}
