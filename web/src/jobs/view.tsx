// view.tsx - the job list with its filters, what is done to a selection, and the job that is open beside it.
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Experiment } from "../api/wire";
import { count, plural } from "../lib/format";
import { type Place, go, hrefOf, setQuery } from "../router";
import { ErrorBox, Wait, say } from "../ui/parts";
import type { Changed } from "./actions";
import { JobDetail } from "./detail";
import { Feed, type Filter, changes } from "./feed";
import { labelsOf } from "./labels";
import { JobList } from "./list";
import { STATES, type SortKey, entriesOf, search, sorted } from "./rows";
import { Selection } from "./selection";
import { State } from "./state";

type Experiments = Map<string, Experiment>;

function filterOf(place: Place): Filter {
  return {
    states: (place.query.get("state") ?? "").split(",").filter((s) => (STATES as readonly string[]).includes(s)),
    experiment: place.query.get("experiment") ?? "",
    labels: labelsOf(place.query.get("label") ?? ""),
  };
}

const SOON = 30; // ms from a change to the list that shows it
const WHILE_FILLING = 400; // and while a hundred thousand rows come in, which are sorted each time

// The feed of a filter, and a number that rises with what changes in it.
function useFeed(filter: Filter, experiments: Experiments): [Feed, number] {
  const [version, setVersion] = useState(0);
  const timer = useRef<number>();
  const key = JSON.stringify(filter);
  const feed: Feed = useMemo(() => {
    const bump = (): void => {
      timer.current ??= window.setTimeout(
        () => {
          timer.current = undefined;
          setVersion((n) => n + 1);
        },
        feed?.filling ? WHILE_FILLING : SOON,
      );
    };
    return new Feed(filter, experiments, bump);
  }, [key, experiments]);
  useEffect(() => {
    void feed.start();
    const leave = changes.subscribe((jobs) => feed.update(jobs));
    return () => {
      leave();
      feed.close();
    };
  }, [feed]);
  return [feed, version];
}

// A small screen shows jobs before filters.
const NARROW = window.matchMedia("(max-width: 700px)");

const SORTS: Record<SortKey, string> = {
  newest: "Newest first",
  oldest: "Oldest first",
  state: "By state",
  run: "By configuration",
  progress: "By progress",
  left: "By time left",
  priority: "By priority",
  cpu: "By CPU time",
};

function Filters({ place, experiments, labels }: { place: Place; experiments: Experiments; labels: string[] }): JSX.Element {
  const chosen = (place.query.get("state") ?? "").split(",").filter(Boolean);
  const toggle = (state: string): void => {
    const next = chosen.includes(state) ? chosen.filter((s) => s !== state) : [...chosen, state];
    setQuery(place, { state: next.join(",") });
  };
  const set = (key: string) => (event: Event) => setQuery(place, { [key]: (event.currentTarget as HTMLInputElement).value });
  return (
    <div class="filters" role="search" aria-label="Filter jobs">
      <input
        class="input search"
        type="search"
        aria-label="Search"
        placeholder="Search: norm=layer j17 item=mnist"
        value={place.query.get("q") ?? ""}
        onInput={set("q")}
      />
      <div class="states" role="group" aria-label="States">
        {STATES.map((state) => (
          <button key={state} type="button" class="button tiny" aria-pressed={chosen.includes(state)} onClick={() => toggle(state)}>
            <State name={state} />
          </button>
        ))}
      </div>
      <details class="more" open={!NARROW.matches}>
        <summary>More</summary>
        <div class="row">
          <select class="input" aria-label="Experiment" value={place.query.get("experiment") ?? ""} onChange={set("experiment")}>
            <option value="">Every experiment</option>
            {[...experiments.keys()].map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
          <input
            class="input"
            aria-label="Labels"
            placeholder="Label: item=mnist"
            value={place.query.get("label") ?? ""}
            onChange={set("label")}
          />
          <select class="input" aria-label="Group by" value={place.query.get("group") ?? ""} onChange={set("group")}>
            <option value="">No groups</option>
            <option value="configuration">Group by configuration</option>
            <option value="experiment">Group by experiment</option>
            {labels.map((key) => (
              <option key={key} value={`label:${key}`}>
                Group by label {key}
              </option>
            ))}
          </select>
          <select class="input" aria-label="Sort" value={place.query.get("sort") ?? "newest"} onChange={set("sort")}>
            {Object.entries(SORTS).map(([key, text]) => (
              <option key={key} value={key}>
                {text}
              </option>
            ))}
          </select>
        </div>
      </details>
    </div>
  );
}

function countText(feed: Feed, shown: number): string {
  const loaded = feed.rows.size;
  const all = feed.complete ? plural(loaded, "job") : `${count(loaded)} jobs loaded, and more`;
  return shown === loaded ? all : `${count(shown)} of ${all}`;
}

export function JobsView({ place, experiments, role }: { place: Place; experiments: Experiments; role: string }): JSX.Element {
  const [feed, version] = useFeed(filterOf(place), experiments);
  const [selected, setSelected] = useState<Set<string>>(new Set());
  const [closed, setClosed] = useState<Set<string>>(new Set());
  const [refusal, setRefusal] = useState("");
  const sort = (place.query.get("sort") ?? "newest") as SortKey;
  const group = place.query.get("group") ?? "";
  const text = place.query.get("q") ?? "";
  const open = place.path[1];
  // Order, groups and words are over all jobs of the filter.
  useEffect(() => {
    if (text || group || sort !== "newest") void feed.all();
  }, [feed, text, group, sort]);
  const rows = useMemo(() => search(sorted([...feed.rows.values()], sort), text), [feed, version, sort, text]);
  const entries = useMemo(() => entriesOf(rows, group, closed), [rows, group, closed]);
  const labels = useMemo(
    () => [...new Set([...feed.rows.values()].slice(0, 1000).flatMap((row) => Object.keys(row.labels)))].sort(),
    [feed, version],
  );
  const chosen = [...selected].flatMap((id) => feed.rows.get(id) ?? []);
  const toggle = (name: string): void => {
    const next = new Set(closed);
    if (!next.delete(name)) next.add(name);
    setClosed(next);
  };
  // What jobs have become comes with the changes; that they are gone does not.
  const done = ({ not_changed }: Changed, outcome: string, gone: string[]): void => {
    feed.remove(gone);
    setSelected(new Set(not_changed.map((job) => job.job_id)));
    setRefusal(not_changed.length ? outcome : "");
    if (!not_changed.length) say({ text: outcome });
  };
  const show = (id: string): void => go(hrefOf(["jobs", id], Object.fromEntries(place.query)));
  return (
    <>
      <div class="head">
        <h1>Jobs</h1>
        <p class="dim small" role="status">
          {countText(feed, rows.length)}
        </p>
      </div>
      <div class={`split${open ? " open" : ""}`}>
        <div class="card list">
          <Filters place={place} experiments={experiments} labels={labels} />
          {chosen.length > 0 && <Selection rows={chosen} role={role} onDone={done} onClear={() => setSelected(new Set())} />}
          {refusal && (
            <div class="warn-box row spread" role="alert">
              <span>{refusal}</span>
              <button type="button" class="button tiny" onClick={() => setRefusal("")}>
                Close
              </button>
            </div>
          )}
          {feed.error && <ErrorBox error={feed.error} doing="Loading the jobs" />}
          {!feed.complete && feed.rows.size === 0 && !feed.error && <Wait what="the jobs" />}
          {feed.complete && rows.length === 0 && (
            <div class="empty">
              <p>{feed.rows.size === 0 && !place.query.toString() ? "Nothing has been submitted yet." : "No job is like this."}</p>
              <a class="button" href="#/submit">
                Submit a job
              </a>
            </div>
          )}
          {entries.length > 0 && (
            <JobList
              entries={entries}
              total={entries.length}
              sort={sort}
              order={place.query.toString()}
              onSort={(key) => setQuery(place, { sort: key })}
              selected={selected}
              onSelect={setSelected}
              current={open}
              onOpen={show}
              onGroup={toggle}
              closed={closed}
              onNearEnd={() => void feed.more()}
            />
          )}
        </div>
        {open && <JobDetail key={open} id={open} experiments={experiments} role={role} />}
      </div>
    </>
  );
}
