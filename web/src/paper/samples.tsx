// samples.tsx - what the models of an item draw: canvases, handwriting, filters; one seed of each arm, as they appear.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call } from "../api/client";
import type { Artifact } from "../api/wire";
import { useLoaded } from "../lib/hooks";
import { count } from "../lib/format";
import { long } from "../api/values";
import { hrefOf } from "../router";
import { isPicture } from "../jobs/artifacts";
import { Picture } from "../jobs/picture";
import { ErrorBox, Segments } from "../ui/parts";
import type { Document, Run } from "./load";

interface Drawn {
  run: Run;
  pictures: Artifact[];
}

async function picturesOf(runs: Run[], signal: AbortSignal): Promise<Drawn[]> {
  const drawn = await Promise.all(
    runs.map(async (run) => {
      const { artifacts } = await call("ArtifactService/ListArtifacts", { job_id: run.job }, signal);
      return { run, pictures: artifacts.filter((a) => isPicture(a.media_type)) };
    }),
  );
  return drawn.filter(({ pictures }) => pictures.length > 0);
}

export function Samples({ doc, turn }: { doc: Document; turn: number }): JSX.Element | null {
  const stored = doc.runs.filter((run) => run.job);
  const seeds = [...new Set(stored.map((run) => run.seed))].sort((a, b) => a - b);
  const [chosen, setSeed] = useState<number>();
  const seed = chosen ?? seeds[0];
  const runs = stored.filter((run) => run.seed === seed);
  const drawn = useLoaded(`${runs.map((run) => run.job).join()}@${turn}`, (signal) => picturesOf(runs, signal));
  const labels = new Map(doc.arms.map((arm) => [arm.id, [arm.label, arm.group_label].filter(Boolean).join(", ")]));
  if (drawn.error) return <ErrorBox error={drawn.error} doing="Loading the pictures" />;
  if (!drawn.value?.length) return null;
  return (
    <section class="section">
      <div class="section-head">
        <h2>What the models draw</h2>
        {seeds.length > 1 && (
          <Segments
            label="Seed"
            options={seeds.slice(0, 8).map((s) => ({ value: String(s), text: `seed ${s}` }))}
            value={String(seed)}
            onChange={(s) => setSeed(Number(s))}
          />
        )}
      </div>
      <div class="samples">
        {drawn.value.flatMap(({ run, pictures }) =>
          pictures.map((picture) => (
            <figure class="card pad" key={`${run.job}/${picture.name}`}>
              <Picture job={run.job} name={picture.name} step={picture.step} alt={`${picture.name} of ${labels.get(run.arm)}`} />
              <figcaption>
                <strong>{labels.get(run.arm)}</strong> {picture.name}, update {count(long(picture.step))} of{" "}
                <a href={hrefOf(["jobs", run.job])}>{run.job}</a>
              </figcaption>
            </figure>
          )),
        )}
      </div>
    </section>
  );
}
