// swatch.tsx - a stroke in the colour of an arm.
import type { JSX } from "preact";

export function Swatch({ color, paper = false }: { color: string; paper?: boolean }): JSX.Element {
  return <span class={paper ? "swatch paper" : "swatch"} style={{ color: `var(${color})` }} aria-hidden="true" />;
}
