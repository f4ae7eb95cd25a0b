// icons.tsx - small drawings; the words stand beside them.
import type { JSX } from "preact";

const PATHS = {
  check: "M3 8.5l3.2 3.2L13 4.8",
  half: "M3 12.5L12.5 3M12.5 3H6.2M12.5 3v6.3",
  cross: "M4 4l8 8M12 4l-8 8",
  opposed: "M2.5 5.5h9.5M9.3 2.8L12 5.5 9.3 8.2M13.5 10.5H4M6.7 7.8L4 10.5l2.7 2.7",
  open: "M3 9.2c1.7-3.4 3.3-3.4 5-1.2s3.3 2.2 5-1.2",
  dash: "M4 8h8",
  clock: "M8 4.6V8l2.3 1.6M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12z",
  play: "M5 3.5v9l7.5-4.5z",
  stop: "M4.5 4.5h7v7h-7z",
  moon: "M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5z",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9",
  curve: "M2 2.5v11h12M4.5 4.5c.8 4.8 3.2 6.3 9 6.5",
};
export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }): JSX.Element {
  return (
    <svg
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.8"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
