// sweep.ts - several values in one field are several jobs: "128, 4" or, of whole numbers, "1-6".
import type { Values } from "../api/spec";

export const MOST_JOBS = 1000; // of a call

// The values that a text names; a range only where it is one of whole numbers.
export function expand(text: string): string[] {
  const parts = text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
  return parts.flatMap((part) => {
    const range = /^(\d+)-(\d+)$/.exec(part);
    if (!range) return [part];
    const [from, to] = [Number(range[1]), Number(range[2])];
    if (to < from || to - from >= MOST_JOBS) return [part];
    return Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
  });
}

export interface Run {
  values: Values;
  seed: string;
}

// Every combination; the seed changes fastest. Fields left empty are as by default.
export function combinations(fields: Values, seeds: string): Run[] {
  let runs: Values[] = [{}];
  for (const [name, text] of Object.entries(fields)) {
    const values = expand(text);
    if (values.length) runs = runs.flatMap((run) => values.map((value) => ({ ...run, [name]: value })));
    if (runs.length > MOST_JOBS) break;
  }
  const numbers = expand(seeds);
  return runs.flatMap((values) => (numbers.length ? numbers : ["1"]).map((seed) => ({ values, seed })));
}

// "requests[3].spec.mnist_mlp.optimization.learning_rate" is of the field learning_rate.
export const fieldOf = (path: string): string => path.split(".").pop()!.replace(/\[.*$/, "");
