// spec.ts - a JobSpec as the list of fields that people know it by, and back.
import type { Experiment, Field, JobSpec } from "./wire";
import { SLOTS } from "./wire";
import { shortName } from "./values";

type Tree = { [key: string]: unknown };
export type Values = Record<string, string>;

export function experimentOf(spec: JobSpec | undefined): string {
  return Object.keys(spec ?? {}).find((key) => key in SLOTS) ?? "";
}

const at = (tree: Tree, path: string[]): unknown => path.reduce<unknown>((node, key) => (node as Tree | undefined)?.[key], tree);

// Every field that is set, by name, as a person writes it: {norm: "layer", batch_size: "4"}.
export function valuesOf(spec: JobSpec): Values {
  const experiment = experimentOf(spec);
  const values: Values = {};
  for (const [name, slot] of Object.entries(SLOTS[experiment] ?? {})) {
    const value = at(spec as unknown as Tree, [experiment, ...slot.path]);
    if (value !== undefined) values[name] = slot.prefix ? shortName(String(value), slot.prefix) : String(value);
  }
  return values;
}

export function sameValue(a: string, b: string): boolean {
  return a === b || (a !== "" && b !== "" && Number(a) === Number(b));
}

// Fields that are not what they are by default, in the experiment's order.
export function changesOf(values: Values, fields: Field[]): [string, string][] {
  return fields.flatMap((field) => {
    const value = values[field.name];
    return value === undefined || sameValue(value, field.default_value) ? [] : [[field.name, value] as [string, string]];
  });
}

function wireValue(field: Field, text: string, prefix: string | undefined): unknown {
  if (prefix) return prefix + text.toUpperCase();
  if (field.type === "bool") return text === "true" ? true : text === "false" ? false : text;
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

// The spec that sets these fields and no others; the server fills in the rest, and says what is wrong with a value.
export function specOf(experiment: Experiment, values: Values, seed: string): JobSpec {
  const config: Tree = {};
  for (const field of experiment.fields) {
    const slot = SLOTS[experiment.name]?.[field.name];
    const text = values[field.name];
    if (!slot || text === undefined) continue;
    let node = config;
    for (const key of slot.path.slice(0, -1)) node = (node[key] ??= {}) as Tree;
    node[slot.path[slot.path.length - 1]] = wireValue(field, text, slot.prefix);
  }
  return { seed, [experiment.name]: config } as unknown as JobSpec;
}
