// plan.tsx - what a budget still needs: its runs, what they cost, how likely they decide each claim; and the button that runs them.
import type { JSX } from "preact";
import { call } from "../api/client";
import type { ClaimPower, PlanReproductionResponse, PlannedRun } from "../api/wire";
import { double } from "../api/values";
import { useAction, useLoaded } from "../lib/hooks";
import { duration, plural } from "../lib/format";
import { hrefOf } from "../router";
import { change } from "../jobs/actions";
import { canCancel, stateName } from "../jobs/rows";
import { ErrorBox, Figures, Progress, Show, say } from "../ui/parts";
import { type Place, loadPlan } from "./load";
import { ended, missing, requestsOf, shareOf, underWay } from "./needs";

const MOST_JOBS = 1000; // of a call

async function submit(at: Place, runs: PlannedRun[]): Promise<void> {
  for (let i = 0; i < runs.length; i += MOST_JOBS) {
    const requests = requestsOf(at, runs.slice(i, i + MOST_JOBS));
    await call("JobService/BatchCreateJobs", { request_id: crypto.randomUUID(), requests });
  }
  say({ text: `${plural(runs.length, "job")} queued`, href: hrefOf(["jobs"], { label: `item=${at.item}` }), action: "Jobs" });
}

// "35 %, 80 % with 12 seeds"
function powerText(claim: ClaimPower): string {
  const now = `${Math.round(100 * double(claim.decides))} %`;
  return claim.least_seeds > claim.seeds ? `${now}, 80 % with ${claim.least_seeds} seeds` : now;
}

function Power({ of }: { of: ClaimPower[] }): JSX.Element {
  const unknown = [...new Set(of.flatMap((claim) => (claim.unknown && !claim.fact ? [claim.unknown] : [])))];
  return (
    <>
      <div class="power">
        {of.map((claim) => (
          <>
            <span>{claim.statement}</span>
            {claim.unknown || claim.fact ? (
              <span class="dim">{claim.fact ? "one seed" : "not known"}</span>
            ) : (
              <Progress share={double(claim.decides)} />
            )}
            <span class="dim nowrap">{claim.unknown || claim.fact ? "" : powerText(claim)}</span>
          </>
        ))}
      </div>
      {unknown.map((why) => (
        <p class="note" key={why}>
          Not known: {why}.
        </p>
      ))}
    </>
  );
}

function Ask({
  at,
  plan,
  mayRun,
  reload,
}: {
  at: Place;
  plan: PlanReproductionResponse;
  mayRun: boolean;
  reload: () => void;
}): JSX.Element {
  const { busy, error, run } = useAction();
  const todo = missing(plan.runs);
  const going = underWay(plan.runs);
  const cost = todo.reduce((sum, r) => sum + double(r.core_seconds), 0);
  const start = (): void =>
    run(async () => {
      await submit(at, todo);
      reload();
    });
  const stop = (): void =>
    run(async () => {
      const ids = going.filter((job) => canCancel({ state: stateName(job.state) })).map((job) => job.job_id);
      await change("JobService/CancelJobs", ids);
      reload();
    });
  return (
    <div class="stack">
      <Figures
        of={[
          ["Runs stored", `${ended(plan.runs)} of ${plan.runs.length}`],
          ["Under way", String(going.length)],
          ["Still to run", String(todo.length)],
          ["CPU time of those", todo.length === 0 ? "none" : cost ? `about ${duration(cost)}` : "not said"],
        ]}
      />
      <Progress share={shareOf(plan.runs)} />
      {error && <ErrorBox error={error} doing="Queueing the runs" />}
      <div class="row screen-only">
        {todo.length > 0 ? (
          <button type="button" class="button primary" disabled={busy || !mayRun} onClick={start}>
            {busy ? "Queueing" : `Run what is missing: ${plural(todo.length, "job")}`}
          </button>
        ) : (
          <span class="dim">
            {going.length ? "Everything that this budget needs is under way." : "Everything that this budget needs is stored."}
          </span>
        )}
        {going.length > 0 && (
          <button type="button" class="button danger" disabled={busy || !mayRun} onClick={stop}>
            Stop {plural(going.length, "job")}
          </button>
        )}
      </div>
      {!mayRun && <p class="note">Your token lets you look, not run.</p>}
    </div>
  );
}

const SEEDS = [0, 3, 6, 9, 12, 18, 24];

export function Plan(props: { at: Place; turn: number; mayRun: boolean; onSeeds: (n: number) => void; onChange: () => void }): JSX.Element {
  const { at } = props;
  const key = `${at.paper}/${at.item}/${at.budget}/${at.seeds}`;
  const plan = useLoaded(`${key}@${props.turn}`, (signal) => loadPlan(at, false, signal));
  const power = useLoaded(key, (signal) => loadPlan(at, true, signal));
  const reload = (): void => {
    plan.reload();
    props.onChange();
  };
  return (
    <section class="section">
      <div class="section-head">
        <h2>Plan</h2>
        <label class="row small">
          Seeds of every arm
          <select class="input" value={String(at.seeds)} onChange={(e) => props.onSeeds(Number(e.currentTarget.value))}>
            {SEEDS.map((n) => (
              <option key={n} value={String(n)}>
                {n === 0 ? "as the budget has it" : `at least ${n}`}
              </option>
            ))}
          </select>
        </label>
      </div>
      <div class="plan card">
        <div>
          <Show of={plan} what="the plan">
            {(value) => <Ask at={at} plan={value} mayRun={props.mayRun} reload={reload} />}
          </Show>
        </div>
        <div class="stack">
          <h3>How likely each claim is confirmed, if the paper is right</h3>
          <Show of={power} what="the power of each claim">
            {(value) => (value.power.length ? <Power of={value.power} /> : <p class="note">The manifest says nothing of noise here.</p>)}
          </Show>
        </div>
      </div>
    </section>
  );
}
