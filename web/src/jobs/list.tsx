// list.tsx - the rows of the job list that are on the screen, however many there are.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { age, duration, percent } from "../lib/format";
import { useNow } from "../lib/hooks";
import { rem } from "../chart/theme";
import { Progress } from "../ui/parts";
import { type Entry, type Row, type SortKey, secondsLeft, secondsTaken, shareDone } from "./rows";
import { State } from "./state";

// As style.css has them: a list narrower than this has rows of two lines.
const NARROW = 960;
const rowHeight = (width: number): number => (width <= NARROW ? 3.625 : 2.25) * rem();
const BEYOND = 12; // rows kept above and below

function timeOf(row: Row, now: number): string {
  const left = secondsLeft(row);
  if (left !== undefined) return `${duration(left)} left`;
  if (row.state === "running") return row.started ? `for ${duration(now - row.started)}` : "";
  return secondsTaken(row) ? duration(secondsTaken(row)) : "";
}

function RowView(props: {
  row: Row;
  index: number;
  top: number;
  selected: boolean;
  current: boolean;
  cursor: boolean;
  now: number;
  onSelect: (range: boolean) => void;
  onOpen: () => void;
}): JSX.Element {
  const { row, index, top, now } = props;
  const labels = Object.entries(row.labels);
  return (
    <div
      class={`grid-row${props.current ? " current" : ""}${props.cursor ? " cursor" : ""}`}
      style={{ transform: `translateY(${top}px)` }}
      role="row"
      id={`row-${row.id}`}
      aria-rowindex={index + 2}
      aria-selected={props.selected}
      onClick={props.onOpen}
    >
      <div role="gridcell">
        <input
          type="checkbox"
          tabIndex={-1}
          checked={props.selected}
          aria-label={`Select ${row.id}`}
          onClick={(e) => (e.stopPropagation(), props.onSelect(e.shiftKey))}
        />
      </div>
      <div role="gridcell">
        <State name={row.state} />
      </div>
      <div role="gridcell" class="mono">
        {row.id}
      </div>
      <div role="gridcell" class="c-run" title={labels.map(([k, v]) => `${k}=${v}`).join("  ")}>
        <strong>{row.experiment}</strong>
        {row.config && <span class="config">{row.config}</span>}
        <span class="dim">seed={row.seed}</span>
      </div>
      <div role="gridcell" class="c-progress">
        <div class="progress-cell">
          <Progress
            share={shareDone(row)}
            tone={row.state === "succeeded" ? "good" : row.state === "failed" || row.state === "diverged" ? "bad" : ""}
          />
          <span class="dim end">{percent(shareDone(row))}</span>
        </div>
      </div>
      <div role="gridcell" class="end">
        {timeOf(row, now)}
      </div>
      <div role="gridcell" class="c-created end dim">
        {age(row.created, now)}
      </div>
      <div role="gridcell" class="c-priority end dim">
        {row.priority || ""}
      </div>
    </div>
  );
}

const COLUMNS: { text: string; sort?: SortKey; end?: boolean }[] = [
  { text: "State", sort: "state" },
  { text: "Job", sort: "newest" },
  { text: "Run", sort: "run" },
  { text: "Progress", sort: "progress" },
  { text: "Time", sort: "left", end: true },
  { text: "Created", sort: "oldest", end: true },
  { text: "Prio.", sort: "priority", end: true },
];

interface Props {
  entries: Entry[];
  total: number; // rows, as far as known
  sort: SortKey;
  order: string; // a new one: the list begins at its top again
  onSort: (key: SortKey) => void;
  selected: Set<string>;
  onSelect: (ids: Set<string>) => void;
  current?: string; // the job that is open
  onOpen: (id: string) => void;
  onGroup: (name: string) => void;
  closed: Set<string>;
  onNearEnd: () => void;
}

export function JobList(props: Props): JSX.Element {
  const { entries, selected } = props;
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 800, row: rowHeight(window.innerWidth) });
  const [cursor, setCursor] = useState(0);
  const anchor = useRef(0);
  const now = useNow(5000);

  useEffect(() => {
    const element = box.current!;
    let frame = 0;
    const look = (): void => {
      frame = 0;
      setView({ top: element.scrollTop, height: element.clientHeight, row: rowHeight(element.clientWidth) });
    };
    const later = (): void => void (frame ||= requestAnimationFrame(look));
    element.addEventListener("scroll", later, { passive: true });
    const watcher = new ResizeObserver(later);
    watcher.observe(element);
    look();
    return () => {
      cancelAnimationFrame(frame);
      element.removeEventListener("scroll", later);
      watcher.disconnect();
    };
  }, []);

  useEffect(() => {
    box.current!.scrollTop = 0;
    setCursor(0);
  }, [props.order]);

  const first = Math.max(0, Math.floor(view.top / view.row) - BEYOND);
  const last = Math.min(entries.length, Math.ceil((view.top + view.height) / view.row) + BEYOND);
  useEffect(() => {
    if (last >= entries.length - 200) props.onNearEnd();
  }, [last, entries.length]);

  const select = (index: number, range: boolean): void => {
    const next = new Set(selected);
    const ids = (from: number, to: number): string[] =>
      entries.slice(Math.min(from, to), Math.max(from, to) + 1).flatMap((e) => (e.kind === "row" ? [e.row.id] : []));
    if (range) ids(anchor.current, index).forEach((id) => next.add(id));
    else ids(index, index).forEach((id) => next.delete(id) || next.add(id));
    anchor.current = index;
    props.onSelect(next);
  };
  const moveTo = (index: number): void => {
    const to = Math.max(0, Math.min(entries.length - 1, index));
    setCursor(to);
    const element = box.current!;
    const top = to * view.row;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + view.row * 2 > element.scrollTop + element.clientHeight) element.scrollTop = top + view.row * 2 - element.clientHeight;
  };
  const onKey = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor(view.height / view.row) - 2);
    const moves: Record<string, number> = {
      ArrowDown: cursor + 1,
      ArrowUp: cursor - 1,
      PageDown: cursor + page,
      PageUp: cursor - page,
      Home: 0,
      End: entries.length - 1,
    };
    const entry = entries[cursor];
    if (event.key in moves) moveTo(moves[event.key]);
    else if (event.key === "Enter" && entry) entry.kind === "row" ? props.onOpen(entry.row.id) : props.onGroup(entry.name);
    else if (event.key === " " && entry?.kind === "row") select(cursor, event.shiftKey);
    else if (event.key === "a" && (event.ctrlKey || event.metaKey))
      props.onSelect(new Set(entries.flatMap((e) => (e.kind === "row" ? [e.row.id] : []))));
    else if (event.key === "Escape") props.onSelect(new Set());
    else return;
    event.preventDefault();
  };
  const at = entries[cursor];
  return (
    <div
      class="grid"
      ref={box}
      role="grid"
      tabIndex={0}
      aria-label="Jobs. Arrow keys move, Enter opens, Space selects."
      aria-rowcount={props.total + 1}
      aria-multiselectable
      aria-activedescendant={at?.kind === "row" && cursor >= first && cursor < last ? `row-${at.row.id}` : undefined}
      onKeyDown={onKey}
    >
      <div class="grid-head" role="row" aria-rowindex={1}>
        <div role="columnheader">
          <span class="hidden-visually">Selected</span>
        </div>
        {COLUMNS.map(({ text, sort, end }) => (
          <div key={text} role="columnheader" class={end ? "end" : ""} aria-sort={sort === props.sort ? "descending" : undefined}>
            <button type="button" tabIndex={-1} onClick={() => props.onSort(sort!)}>
              {text}
              {sort === props.sort && <span aria-hidden="true">{"\u2193"}</span>}
            </button>
          </div>
        ))}
      </div>
      <div class="grid-body" role="rowgroup" style={{ height: `${entries.length * view.row}px` }}>
        {entries.slice(first, last).map((entry, i) => {
          const index = first + i;
          const top = index * view.row;
          return entry.kind === "row" ? (
            <RowView
              key={entry.row.id}
              row={entry.row}
              index={index}
              top={top}
              now={now}
              selected={selected.has(entry.row.id)}
              current={entry.row.id === props.current}
              cursor={index === cursor}
              onSelect={(range) => select(index, range)}
              onOpen={() => {
                setCursor(index);
                props.onOpen(entry.row.id);
              }}
            />
          ) : (
            <div
              class={`grid-row group${index === cursor ? " cursor" : ""}`}
              style={{ transform: `translateY(${top}px)` }}
              role="row"
              key={`group ${entry.name}`}
              aria-rowindex={index + 2}
            >
              <div role="gridcell">
                <button
                  type="button"
                  class="button tiny"
                  tabIndex={-1}
                  aria-expanded={!props.closed.has(entry.name)}
                  aria-label={entry.name}
                  onClick={() => props.onGroup(entry.name)}
                >
                  {props.closed.has(entry.name) ? "+" : "\u2212"}
                </button>
              </div>
              <div role="gridcell">{entry.name}</div>
              <div role="gridcell" class="dim">
                {summary(entry.rows)}
              </div>
            </div>
          );
        })}
      </div>
    </div>
  );
}

function summary(rows: Row[]): string {
  const counts = new Map<string, number>();
  for (const row of rows) counts.set(row.state, (counts.get(row.state) ?? 0) + 1);
  return [...counts].map(([state, n]) => `${n} ${state}`).join(", ");
}
