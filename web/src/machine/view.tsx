// view.tsx - what computes now, what waits for it and why, and how the server and its store are.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call } from "../api/client";
import type { Experiment, GetStatusResponse } from "../api/wire";
import { long } from "../api/values";
import { bytes, count, duration, plural, short } from "../lib/format";
import { useEvery, useLoaded, useNow, useThrottled } from "../lib/hooks";
import { changes } from "../jobs/feed";
import { secondsTaken } from "../jobs/rows";
import { Show } from "../ui/parts";
import { type Machine, loadMachine } from "./load";
import { HoldButton, Queue } from "./queue";
import { Disk, Server, damageOf } from "./store";
import { Workers } from "./workers";

const HARDWARE = ["cpu", "isa", "threads", "version", "commit", "compiler", "build_type"];
const SOON = 1000; // ms from a change of a job
const OFTEN = 5000; // ms between looks at what no job tells of: workers, the disk

function Tile({ name, value, note }: { name: string; value: string; note?: string }): JSX.Element {
  return (
    <div class="tile card">
      <h2>{name}</h2>
      <p class="value">{value}</p>
      {note && <p>{note}</p>}
    </div>
  );
}

function Tiles({ of, status, now }: { of: Machine; status?: GetStatusResponse; now: number }): JSX.Element {
  const hour = of.recent.filter((row) => row.finished > now - 3600);
  const typical = hour.map(secondsTaken).sort((a, b) => a - b)[Math.floor(hour.length / 2)];
  const rate = of.active.reduce((sum, row) => sum + row.rate, 0);
  const busy = of.workers.filter((worker) => worker.of.job_id).length;
  return (
    <div class="tiles">
      <Tile
        name="Workers busy"
        value={`${busy} of ${of.workers.length}`}
        note={of.slots ? `the server keeps ${plural(of.slots, "slot")}` : "the server starts none itself"}
      />
      <Tile name="Queue" value={count(of.queued)} note={of.heldUp || (of.queued ? "wait for a free slot" : "empty")} />
      <Tile name="Ended in the last hour" value={count(hour.length)} note={typical ? `median ${duration(typical)}` : undefined} />
      <Tile name="Updates a second" value={rate ? short(rate) : "\u2013"} note="of all running jobs" />
      {status && <Tile name="Disk free" value={bytes(long(status.free_bytes))} note={`the store takes ${bytes(storeBytes(status))}`} />}
    </div>
  );
}

const storeBytes = (of: GetStatusResponse): number =>
  long(of.database_bytes) + long(of.log_bytes) + long(of.checkpoint_bytes) + long(of.artifact_bytes);

function Hardware({ facts }: { facts: Record<string, string> }): JSX.Element {
  const known = HARDWARE.filter((key) => facts[key]);
  if (known.length === 0) return <></>;
  return (
    <section class="section">
      <h2>Where the last run was computed</h2>
      <dl class="facts card pad">
        {known.map((key) => (
          <>
            <dt>{key}</dt>
            <dd>{facts[key]}</dd>
          </>
        ))}
      </dl>
    </section>
  );
}

function Warnings({ of }: { of: GetStatusResponse }): JSX.Element {
  const damage = damageOf(of);
  return (
    <>
      {of.draining && <p class="warn-box">No job begins: the server holds the queue back. Those under way go on.</p>}
      {damage.length > 0 && (
        <div class="error-box">
          <strong>Something in the store is damaged.</strong>
          <ul>
            {damage.map((text) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}

export function MachineView({ experiments, role }: { experiments: Map<string, Experiment>; role: string }): JSX.Element {
  const machine = useLoaded("machine", (signal) => loadMachine(experiments, signal));
  const status = useLoaded("status", (signal) => call("AdminService/GetStatus", {}, signal));
  const now = useNow();
  const [seen, setSeen] = useState(0);
  const reload = (): void => {
    machine.reload();
    status.reload();
  };
  useEffect(() => changes.subscribe(() => setSeen((n) => n + 1)), []);
  useThrottled(seen, SOON, reload);
  useEvery(OFTEN, reload);
  return (
    <>
      <div class="head">
        <h1>Machine</h1>
      </div>
      {status.value && <Warnings of={status.value} />}
      <Show of={machine} what="the machine">
        {(value) => (
          <>
            <Tiles of={value} status={status.value} now={now} />
            <section class="section">
              <h2>Workers</h2>
              <Workers workers={value.workers} slots={value.slots} now={now} />
            </section>
            <section class="section">
              <div class="section-head">
                <h2>Queue</h2>
                {role === "admin" && status.value && <HoldButton held={status.value.draining} reload={reload} />}
              </div>
              <Queue of={value} />
            </section>
          </>
        )}
      </Show>
      <Show of={status} what="the server and its disk">
        {(value) => (
          <>
            <section class="section">
              <h2>Disk</h2>
              <Disk of={value} />
            </section>
            <section class="section">
              <h2>Server</h2>
              <Server of={value} now={now} />
            </section>
          </>
        )}
      </Show>
      {machine.value && <Hardware facts={machine.value.facts} />}
    </>
  );
}
