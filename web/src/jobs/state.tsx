// state.tsx - how a job's state looks.
import type { JSX } from "preact";
import { Icon, type IconName } from "../ui/icons";

const ICONS: Record<string, IconName> = {
  queued: "clock",
  running: "play",
  cancelling: "stop",
  succeeded: "check",
  failed: "cross",
  cancelled: "stop",
  diverged: "opposed",
};

export function State({ name }: { name: string }): JSX.Element {
  return (
    <span class={`state s-${name}`}>
      <Icon name={ICONS[name] ?? "dash"} />
      {name}
    </span>
  );
}
