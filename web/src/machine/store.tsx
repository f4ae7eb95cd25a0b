// store.tsx - the server itself: what its store takes of the disk, whether that is whole, and the last copy of it.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { GetStatusResponse } from "../api/wire";
import { double, long, seconds } from "../api/values";
import { bytes, clock, count, duration, percent, plural } from "../lib/format";
import { stateName } from "../jobs/rows";
import { State } from "../jobs/state";
import { hrefOf } from "../router";
import { Swatch } from "../ui/swatch";

interface Part {
  name: string;
  bytes: number;
  color: string;
}

export function partsOf(status: GetStatusResponse): Part[] {
  return [
    { name: "Database", bytes: long(status.database_bytes), color: "--c2" },
    { name: "Not yet moved into it", bytes: long(status.log_bytes), color: "--c6" },
    { name: "Checkpoints", bytes: long(status.checkpoint_bytes), color: "--c1" },
    { name: "Files of jobs", bytes: long(status.artifact_bytes), color: "--c3" },
  ];
}

// The parts of the store beside each other, as wide as they are large.
function Shares({ parts }: { parts: Part[] }): JSX.Element {
  const bar = useRef<HTMLDivElement>(null);
  useEffect(() => {
    [...bar.current!.children].forEach((child, i) => ((child as HTMLElement).style.flexGrow = String(parts[i].bytes)));
  }, [parts]);
  return (
    <div class="shares" ref={bar} aria-hidden="true">
      {parts.map((part) => (
        <span key={part.name} style={{ color: `var(${part.color})` }} />
      ))}
    </div>
  );
}

export function Disk({ of }: { of: GetStatusResponse }): JSX.Element {
  const parts = partsOf(of);
  return (
    <div class="card pad stack">
      <Shares parts={parts} />
      <dl class="figures">
        {parts.map((part) => (
          <div key={part.name}>
            <dt>
              <Swatch color={part.color} />
              {part.name}
            </dt>
            <dd>{bytes(part.bytes)}</dd>
          </div>
        ))}
        <div>
          <dt>Free on the disk</dt>
          <dd>{bytes(long(of.free_bytes))}</dd>
        </div>
      </dl>
      {long(of.unused_bytes) > 0 && <p class="note">{bytes(long(of.unused_bytes))} of the database are free for what comes next.</p>}
    </div>
  );
}

function scrubText({ scrub }: GetStatusResponse, now: number): string {
  if (!scrub) return "never";
  const last = scrub.ended
    ? `${duration(now - seconds(scrub.ended))} ago, ${long(scrub.damaged) ? plural(long(scrub.damaged), "damaged piece") : "everything is whole"}`
    : "never";
  if (scrub.under_way) return `${last}; one is under way, ${percent(double(scrub.done))}`;
  return scrub.next ? `${last}; the next one in ${duration(seconds(scrub.next) - now)}` : last;
}

function Backup({ of, now }: { of: GetStatusResponse; now: number }): JSX.Element {
  const { last_backup: last } = of;
  if (!last) {
    return (
      <>
        none; make one: <code class="mono">normlab admin backup</code>
      </>
    );
  }
  return (
    <>
      {duration(now - seconds(last.taken))} ago, {plural(long(last.jobs), "job")}, {bytes(long(last.bytes))}, <span class="mono">{last.folder}</span>
    </>
  );
}

export function damageOf({ damage, scrub }: GetStatusResponse): string[] {
  return [damage, ...(scrub?.damage ?? [])].filter(Boolean);
}

export function Server({ of, now }: { of: GetStatusResponse; now: number }): JSX.Element {
  const rows: [string, ComponentChildren][] = [
    ["Version", of.version],
    ["Up", `${duration(now - seconds(of.started))}, since ${clock(seconds(of.started))}`],
    ["Folder", <span class="mono">{of.home}</span>],
    ["Memory", bytes(long(of.memory_bytes))],
    ["Last backup", <Backup of={of} now={now} />],
    ["Last scrub", scrubText(of, now)],
    [
      "Jobs stored",
      <span class="tags">
        {of.jobs.map(({ state, count: n }) => (
          <a key={state} href={hrefOf(["jobs"], { state: stateName(state) })} class="tag">
            {count(long(n))} <State name={stateName(state)} />
          </a>
        ))}
      </span>,
    ],
  ];
  return (
    <dl class="facts card pad">
      {rows.map(([name, value]) => (
        <>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </>
      ))}
    </dl>
  );
}
