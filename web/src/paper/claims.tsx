// claims.tsx - what the runs say about each sentence of the paper, verdict first.
import type { JSX } from "preact";
import type { ClaimVerdict } from "../api/wire";
import { double } from "../api/values";
import { fixed, short } from "../lib/format";
import { VerdictBadge, verdictName } from "../ui/verdict";
import { Num } from "../ui/parts";
import { Forest } from "./forest";
import type { Metric } from "./load";

const TONES: Record<string, string> = { REPRODUCED: "tone-good", DIRECTION_ONLY: "tone-part", DIFFERENT: "tone-bad", OPPOSED: "tone-bad" };

export function effectText(claim: ClaimVerdict, metric: Metric | undefined): { name: string; value: (v: number) => string } {
  const linear = (v: number): string => (metric && !metric.log ? fixed(v, metric.digits) : short(v, 2));
  switch (claim.effect) {
    case "EFFECT_RATIO":
      return { name: claim.median ? "median ratio" : "ratio", value: (v) => short(v, 2) };
    case "EFFECT_DIFFERENCE":
      return { name: `difference${metric?.unit ? ` (${metric.unit})` : ""}`, value: linear };
    case "EFFECT_LARGEST":
      return { name: "largest", value: (v) => short(v, 1) };
    case "EFFECT_SMALLEST":
      return { name: "smallest", value: (v) => short(v, 1) };
    default:
      return { name: metric?.unit ?? "", value: linear };
  }
}

const shortP = (p: number | undefined): string => (p === undefined ? "" : p < 0.001 ? "< 0.001" : String(Number(p.toPrecision(2))));

function factsOf(claim: ClaimVerdict): [string, string][] {
  const p = [
    claim.p_holm !== undefined && `Holm ${shortP(double(claim.p_holm))} (${claim.family} claims)`,
    claim.p !== undefined && `uncorrected ${shortP(double(claim.p))}`,
    claim.p_exact !== undefined && `exact ${shortP(double(claim.p_exact))}`,
  ].filter(Boolean);
  const runs = [
    `${claim.n} of ${claim.planned} ${claim.fact || !claim.than_id ? "runs" : "pairs of one seed"}`,
    claim.diverged ? `${claim.diverged} diverged` : "",
    claim.censored ? `${claim.censored} had not come there` : "",
  ].filter(Boolean);
  const facts: [string, string][] = [
    ["Why", claim.reason],
    ["Compared", claim.question],
    ["Rule", claim.rule],
    ["Runs", runs.join(", ")],
    ["p", p.join(" · ")],
    ["Interval", claim.interval ? `${Math.round(100 * double(claim.confidence))} %, ${claim.method}` : ""],
    ["Not as in the paper", claim.deviations.join("; ")],
  ];
  return facts.filter(([, value]) => value !== "");
}

function Numbers({ claim, metric }: { claim: ClaimVerdict; metric?: Metric }): JSX.Element {
  if (claim.estimate === undefined) return <span class="dim small">{claim.reason}</span>;
  const { name, value } = effectText(claim, metric);
  return (
    <>
      <Num text={(claim.bound ? "at least " : "") + value(double(claim.estimate))} />
      {claim.interval && (
        <span class="dim">
          {" "}
          [<Num text={value(double(claim.interval.lo))} />, <Num text={value(double(claim.interval.hi))} />]
        </span>
      )}
      <span class="sub">
        {[name, `n ${claim.n}`].filter(Boolean).join(" · ")}
        {claim.paper !== undefined && (
          <>
            {" · paper "}
            <Num text={value(double(claim.paper))} />
          </>
        )}
      </span>
    </>
  );
}

export function Claims({ claims, metrics }: { claims: ClaimVerdict[]; metrics: Metric[] }): JSX.Element {
  const byId = new Map(metrics.map((metric) => [metric.id, metric]));
  return (
    <ul class="claims card">
      {claims.map((claim) => {
        const name = verdictName(claim.verdict);
        return (
          <li class="claim" key={claim.claim_id} data-verdict={name}>
            <div>
              <VerdictBadge name={name} />
            </div>
            <div class="statement">
              {claim.statement} <span class="dim small nowrap">({claim.place})</span>
            </div>
            <div class="forest-cell">
              <Forest claim={claim} tone={TONES[name] ?? "tone-open"} />
            </div>
            <div class="numbers">
              <Numbers claim={claim} metric={byId.get(claim.metric_id)} />
            </div>
            <details>
              <summary>How it was judged</summary>
              <dl>
                {factsOf(claim).map(([key, value]) => (
                  <>
                    <dt>{key}</dt>
                    <dd>{value}</dd>
                  </>
                ))}
              </dl>
            </details>
          </li>
        );
      })}
    </ul>
  );
}
