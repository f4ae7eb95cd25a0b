// attempts.tsx - how often a job was begun, by whom, from where, and how each attempt ended.
import type { JSX } from "preact";
import type { ListAttemptsResponse_JobAttempt } from "../api/wire";
import { long, seconds } from "../api/values";
import { clock, count, duration } from "../lib/format";
import { useNow } from "../lib/hooks";

type Attempt = ListAttemptsResponse_JobAttempt;

const stepsOf = ({ first_step, steps_done }: Attempt): string =>
  `${count(long(first_step))} to ${steps_done === undefined ? "?" : count(long(steps_done))}`;

export function Attempts({ of }: { of: Attempt[] }): JSX.Element {
  const now = useNow();
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Attempts">
      <table class="data small">
        <thead>
          <tr>
            {["#", "Worker", "Updates", "Took", "Ended"].map((name) => (
              <th key={name} scope="col" class={name === "Updates" || name === "Took" ? "" : "l"}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {of.map((attempt) => (
            <tr key={attempt.number}>
              <th class="l" scope="row">
                {attempt.number}
              </th>
              <td class="l mono" title={`began ${clock(seconds(attempt.started))}`}>
                {attempt.worker}
              </td>
              <td class="nowrap">{stepsOf(attempt)}</td>
              <td>{attempt.started ? duration((seconds(attempt.ended) || now) - seconds(attempt.started)) : ""}</td>
              <td class={`l${attempt.died ? " bad" : ""}`}>{attempt.ended ? attempt.ending.toLowerCase() : "under way"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
