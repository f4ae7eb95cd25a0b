// verdict.tsx - how a verdict looks, the same everywhere: a sign, a word and a tone, never a colour alone.
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Verdict } from "../api/wire";
import { Icon, type IconName } from "./icons";

interface Look {
  word: string;
  meaning: string;
  icon: IconName;
  tone: string;
}
const LOOKS: Record<string, Look> = {
  REPRODUCED: {
    meaning: "what the paper says, by its own protocol, with at least 6 seeds",
    word: "Reproduced",
    icon: "check",
    tone: "tone-good",
  },
  DIRECTION_ONLY: {
    meaning: "what the paper says, by a smaller protocol, on other data, or with fewer seeds",
    word: "Direction holds",
    icon: "half",
    tone: "tone-part",
  },
  DIFFERENT: {
    meaning: "shown to be otherwise, by the paper's own protocol, with at least 6 seeds",
    word: "Different",
    icon: "cross",
    tone: "tone-bad",
  },
  OPPOSED: {
    meaning: "shown to be otherwise, by a smaller protocol, on other data, or with fewer seeds",
    word: "Opposed",
    icon: "opposed",
    tone: "tone-bad",
  },
  INCONCLUSIVE: {
    meaning: "the runs do not decide: too few seeds, unfinished runs, a difference or a margin that they cannot resolve",
    word: "Inconclusive",
    icon: "open",
    tone: "tone-open",
  },
  NOT_RUN: {
    meaning: "no runs, or the budget stops before the place the claim is about",
    word: "Not run",
    icon: "dash",
    tone: "tone-none",
  },
};
export const ORDER = Object.keys(LOOKS);

export const verdictName = (verdict: Verdict): string => verdict.replace("VERDICT_", "");
const lookOf = (name: string): Look => LOOKS[name] ?? LOOKS.NOT_RUN;

export function VerdictBadge({ name, count }: { name: string; count?: number }): JSX.Element {
  const look = lookOf(name);
  return (
    <span class={`verdict ${look.tone}`}>
      <Icon name={look.icon} />
      {count !== undefined && <b>{count}</b>}
      {look.word}
    </span>
  );
}

export function Meanings(): JSX.Element {
  return (
    <dl class="meaning-list card">
      {ORDER.map((name) => (
        <>
          <dt>
            <VerdictBadge name={name} />
          </dt>
          <dd>{LOOKS[name].meaning}</dd>
        </>
      ))}
    </dl>
  );
}

export type Tally = Record<string, number>;
export function tallyOf(verdicts: Verdict[]): Tally {
  const tally: Tally = {};
  for (const verdict of verdicts) tally[verdictName(verdict)] = (tally[verdictName(verdict)] ?? 0) + 1;
  return tally;
}

export function TallyBadges({ tally }: { tally: Tally }): JSX.Element {
  return (
    <div class="tally">
      {ORDER.filter((name) => tally[name]).map((name) => (
        <VerdictBadge key={name} name={name} count={tally[name]} />
      ))}
    </div>
  );
}

// One bar, a piece for each kind of verdict, as long as there are claims of it.
export function TallyMeter({ tally }: { tally: Tally }): JSX.Element {
  const bar = useRef<HTMLDivElement>(null);
  const names = ORDER.filter((name) => tally[name]);
  useEffect(() => {
    names.forEach((name, i) => ((bar.current!.children[i] as HTMLElement).style.flexGrow = String(tally[name])));
  });
  return (
    <div class="meter" ref={bar} aria-hidden="true">
      {names.map((name) => (
        <span key={name} class={lookOf(name).tone} />
      ))}
    </div>
  );
}
