// view.tsx - papers: all items at a glance, or one item from verdicts to plan.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Format, Paper, Paper_Item } from "../api/wire";
import { useLoaded, useThrottled } from "../lib/hooks";
import { plural } from "../lib/format";
import { type Place as Where, hrefOf, setQuery } from "../router";
import { changes } from "../jobs/feed";
import { useAction } from "../lib/hooks";
import { ErrorBox, Segments, Show, download } from "../ui/parts";
import { Meanings, TallyBadges, TallyMeter, tallyOf } from "../ui/verdict";
import { Claims } from "./claims";
import { FigureView } from "./figure";
import { Plan } from "./plan";
import { Samples } from "./samples";
import { ResultTable } from "./table";
import { type Item, type Place, loadCurves, loadFile, loadItem } from "./load";

const DEFAULT_BUDGET = "quick";
const budgetOf = (item: Paper_Item | undefined, asked: string | null): string => {
  const budgets = item?.budgets ?? [];
  return asked && budgets.includes(asked) ? asked : budgets.includes(DEFAULT_BUDGET) ? DEFAULT_BUDGET : (budgets[0] ?? "");
};

// Counts up, at most once in two seconds, while jobs change that `concerns`.
function useTurns(concerns: (job: { labels: Record<string, string>; job_id: string }) => boolean): number {
  const [seen, setSeen] = useState(0);
  const [turn, setTurn] = useState(0);
  useEffect(() => changes.subscribe((jobs) => jobs.some(concerns) && setSeen((n) => n + 1)));
  useThrottled(seen, 2000, () => setTurn((n) => n + 1));
  return turn;
}

function OverviewRow({ paper, item, budget }: { paper: string; item: Paper_Item; budget: string }): JSX.Element {
  const turn = useTurns((job) => job.labels.paper === paper && job.labels.item === item.item_id);
  const at: Place = { paper, item: item.item_id, budget: budgetOf(item, budget), seeds: 0 };
  const loaded = useLoaded<Item | undefined>(`${paper}/${item.item_id}/${at.budget}@${turn}`, async (signal) =>
    item.not_run ? undefined : loadItem(at, signal),
  );
  const tally = loaded.value && tallyOf(loaded.value.claims.map((c) => c.verdict));
  const runs = loaded.value?.doc.runs.filter((r) => r.succeeded || r.diverged).length ?? 0;
  return (
    <a class="paper-item" href={hrefOf(["paper", paper, item.item_id], { budget })}>
      <div>
        <p class="place">{item.place}</p>
        <h2>{item.title}</h2>
        <p class="note">
          {item.not_run ||
            (loaded.value && [plural(runs, "run"), `protocol ${loaded.value.doc.protocol}`].join(" · ")) ||
            (loaded.error?.message ?? "\u00a0")}
        </p>
      </div>
      <div class="stack">
        {tally && <TallyMeter tally={tally} />}
        {tally ? <TallyBadges tally={tally} /> : item.not_run ? <TallyBadges tally={{ NOT_RUN: 1 }} /> : null}
      </div>
    </a>
  );
}

function Overview({ paper, place }: { paper: Paper; place: Where }): JSX.Element {
  const budgets = [...new Set(paper.items.flatMap((item) => item.budgets))];
  const budget = place.query.get("budget") ?? DEFAULT_BUDGET;
  return (
    <>
      <div class="head">
        <div>
          <p class="eyebrow">Paper</p>
          <h1>{paper.title}</h1>
        </div>
        <Segments
          label="Budget"
          options={budgets.map((b) => ({ value: b, text: b }))}
          value={budget}
          onChange={(b) => setQuery(place, { budget: b })}
        />
      </div>
      <div class="card">
        {paper.items.map((item) => (
          <OverviewRow key={item.item_id} paper={paper.paper_id} item={item} budget={budget} />
        ))}
      </div>
      <section class="section">
        <h2>What the verdicts mean</h2>
        <Meanings />
      </section>
    </>
  );
}

const FILES: { text: string; what: "GetTable" | "GetFigure"; format: Format; name: string }[] = [
  { text: "LaTeX", what: "GetTable", format: "FORMAT_LATEX", name: "table.tex" },
  { text: "Markdown", what: "GetTable", format: "FORMAT_MARKDOWN", name: "table.md" },
  { text: "CSV", what: "GetTable", format: "FORMAT_CSV", name: "table.csv" },
  { text: "Figure as SVG", what: "GetFigure", format: "FORMAT_SVG", name: "figure.svg" },
  { text: "Curves as CSV", what: "GetFigure", format: "FORMAT_CSV", name: "figure.csv" },
];

function Files({ at }: { at: Place }): JSX.Element {
  const { busy, error, run } = useAction();
  const save = (file: (typeof FILES)[number]): void =>
    run(async () => {
      const { media, content } = await loadFile(at, file.what, file.format);
      download(`${at.paper}-${at.item}-${at.budget}-${file.name}`, media, content);
    });
  return (
    <div class="row screen-only">
      <span class="small dim">Save</span>
      {FILES.map((file) => (
        <button key={file.text} type="button" class="button tiny" disabled={busy} onClick={() => save(file)}>
          {file.text}
        </button>
      ))}
      {error && <ErrorBox error={error} doing="Saving" />}
    </div>
  );
}

function Protocol({ item }: { item: Item }): JSX.Element {
  const { protocol, deviations, datasets } = item.doc;
  return (
    <p class="note">
      Protocol <strong>{protocol}</strong>
      {datasets.length > 0 && <> · data {datasets.join(", ")}</>}
      {deviations.length > 0 && <> · {deviations.join("; ")}</>}
    </p>
  );
}

function ItemView({ paper, info, place, role }: { paper: Paper; info: Paper_Item; place: Where; role: string }): JSX.Element {
  const at: Place = {
    paper: paper.paper_id,
    item: info.item_id,
    budget: budgetOf(info, place.query.get("budget")),
    seeds: Number(place.query.get("seeds") ?? 0) || 0,
  };
  const key = `${at.paper}/${at.item}/${at.budget}/${at.seeds}`;
  const item = useLoaded(key, (signal) => loadItem(at, signal));
  const figure = useLoaded(`figure/${key}`, (signal) => (info.not_run ? Promise.resolve([]) : loadCurves(at, signal)));
  const ids = new Set(item.value?.doc.runs.map((run) => run.job));
  const turn = useTurns((job) => ids.has(job.job_id) || (job.labels.paper === at.paper && job.labels.item === at.item));
  const reload = (): void => {
    item.reload();
    figure.reload();
  };
  useEffect(() => {
    if (turn) reload();
  }, [turn]);
  return (
    <>
      <div class="head">
        <div>
          <p class="eyebrow">
            <a href={hrefOf(["paper", paper.paper_id], { budget: at.budget })}>{paper.title}</a> · {info.place}
          </p>
          <h1>{info.title}</h1>
        </div>
        {info.budgets.length > 0 && (
          <Segments
            label="Budget"
            options={info.budgets.map((b) => ({ value: b, text: b }))}
            value={at.budget}
            onChange={(b) => setQuery(place, { budget: b })}
          />
        )}
      </div>
      {info.not_run && <p class="warn-box">Not run: {info.not_run}</p>}
      <Show of={item} what="the verdicts">
        {(value) => (
          <>
            <section class="stack" aria-label="Verdicts">
              {value.claims.length > 0 && <TallyBadges tally={tallyOf(value.claims.map((c) => c.verdict))} />}
              <Protocol item={value} />
              <Claims claims={value.claims} metrics={value.doc.metrics} />
            </section>
            {figure.error && <ErrorBox error={figure.error} doing="Loading the figure" />}
            {(figure.value?.length ?? 0) > 0 && (
              <section class="section">
                <h2>Figure</h2>
                <FigureView doc={value.doc} curves={figure.value!} sync={key} />
              </section>
            )}
            {value.cells.length > 0 && (
              <section class="section">
                <h2>Table</h2>
                <div class="stack">
                  <ResultTable item={value} />
                  <p class="note">{value.doc.note}</p>
                  <Files at={at} />
                </div>
              </section>
            )}
            {!info.not_run && <Samples doc={value.doc} turn={turn} />}
          </>
        )}
      </Show>
      {!info.not_run && (
        <Plan
          at={at}
          turn={turn}
          mayRun={role !== "viewer"}
          onChange={reload}
          onSeeds={(n) => setQuery(place, { seeds: n ? String(n) : undefined })}
        />
      )}
    </>
  );
}

export function PaperView({ papers, place, role }: { papers: Paper[]; place: Where; role: string }): JSX.Element {
  const [, paperId = papers[0]?.paper_id, itemId] = place.path;
  const paper = papers.find((p) => p.paper_id === paperId);
  const item = paper?.items.find((i) => i.item_id === itemId);
  if (!paper || (itemId && !item)) {
    return (
      <div class="empty card">
        <p>There is no {[paperId, itemId].filter(Boolean).join(", ")} here.</p>
        <a href="#/paper">All papers</a>
      </div>
    );
  }
  return (
    <>
      {papers.length > 1 && (
        <nav class="papers screen-only" aria-label="Papers">
          {papers.map((p) => (
            <a
              key={p.paper_id}
              aria-current={p === paper ? "page" : undefined}
              href={hrefOf(["paper", p.paper_id], { budget: place.query.get("budget") ?? undefined })}
            >
              {p.title}
            </a>
          ))}
        </nav>
      )}
      {item ? (
        <ItemView key={`${paperId}/${itemId}`} paper={paper} info={item} place={place} role={role} />
      ) : (
        <Overview paper={paper} place={place} />
      )}
    </>
  );
}
