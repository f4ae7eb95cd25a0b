// forest.tsx - a claim's estimate with its interval on an axis of its own, beside the value of no difference and the paper's.
import type { JSX } from "preact";
import type { ClaimVerdict } from "../api/wire";
import { double } from "../api/values";
import { short } from "../lib/format";

const WIDTH = 200;
const EDGE = 8;

export interface Strip {
  at: (value: number) => number; // 0 to WIDTH
  neutral?: number; // where nothing differs
}

// Ratios lie on a logarithmic axis about 1, differences on a linear one about 0, values about the paper's.
export function stripOf(claim: ClaimVerdict): Strip | undefined {
  if (claim.estimate === undefined) return undefined;
  const ratio = claim.effect === "EFFECT_RATIO";
  const neutral = ratio ? 1 : claim.effect === "EFFECT_DIFFERENCE" ? 0 : undefined;
  const values = [claim.estimate, claim.interval?.lo, claim.interval?.hi, claim.paper, claim.margin?.lo, claim.margin?.hi, neutral]
    .filter((v) => v !== undefined)
    .map((v) => double(v))
    .filter((v) => Number.isFinite(v) && (!ratio || v > 0))
    .map((v) => (ratio ? Math.log(v) : v));
  const low = Math.min(...values);
  const high = Math.max(...values);
  const width = high - low || Math.abs(high) || 1;
  const at = (value: number): number => EDGE + (((ratio ? Math.log(value) : value) - low) / width) * (WIDTH - 2 * EDGE);
  return { at: (value) => Math.min(WIDTH - 2, Math.max(2, at(value))), neutral };
}

export function Forest({ claim, tone }: { claim: ClaimVerdict; tone: string }): JSX.Element | null {
  const strip = stripOf(claim);
  if (!strip) return null;
  const { at, neutral } = strip;
  const estimate = double(claim.estimate);
  const span = claim.interval && { from: at(double(claim.interval.lo)), to: at(double(claim.interval.hi)) };
  const margin = claim.margin && { from: at(double(claim.margin.lo)), to: at(double(claim.margin.hi)) };
  const paper = claim.paper === undefined ? undefined : at(double(claim.paper));
  const words = [`estimate ${short(estimate)}`, claim.paper !== undefined && `paper ${short(double(claim.paper))}`]
    .filter(Boolean)
    .join(", ");
  return (
    <svg class="forest" viewBox={`0 0 ${WIDTH} 26`} preserveAspectRatio="none" role="img" aria-label={words}>
      <line x1={0} x2={WIDTH} y1={13} y2={13} stroke="var(--line)" />
      {margin && <rect x={margin.from} width={Math.max(1, margin.to - margin.from)} y={5} height={16} fill="var(--line)" />}
      {neutral !== undefined && <line x1={at(neutral)} x2={at(neutral)} y1={2} y2={24} stroke="var(--dim)" stroke-dasharray="2 2" />}
      <g class={tone} style={{ background: "none" }} fill="currentColor" stroke="currentColor">
        {span && <line x1={span.from} x2={span.to} y1={13} y2={13} stroke-width={2.4} />}
        <circle cx={at(estimate)} cy={13} r={4} stroke="none" />
      </g>
      {paper !== undefined && <path d={`M${paper} 7l5 6-5 6-5-6z`} fill="var(--surface)" stroke="var(--ink)" stroke-width={1.5} />}
    </svg>
  );
}
