// main.tsx - the page: a door, then the frame around four views.
import "uplot/dist/uPlot.min.css";
import "./style.css";
import { type JSX, render } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { CallError, call, whenRefused } from "./api/client";
import type { Experiment, Paper } from "./api/wire";
import { startTheme, toggleTheme, useTheme } from "./chart/theme";
import { Door, type Session, enter, takeCode } from "./door";
import { CompareView } from "./jobs/compare";
import { type Link, changes } from "./jobs/feed";
import { JobsView } from "./jobs/view";
import { useLoaded } from "./lib/hooks";
import { MachineView } from "./machine/view";
import { PaperView } from "./paper/view";
import { type Place, usePlace } from "./router";
import { SubmitView } from "./submit/view";
import { Icon } from "./ui/icons";
import { Show, Toasts } from "./ui/parts";

const VIEWS = [
  { path: "paper", text: "Paper" },
  { path: "jobs", text: "Jobs" },
  { path: "submit", text: "Submit" },
  { path: "machine", text: "Machine" },
];
const viewOf = (place: Place): string => place.path[0] ?? "paper";

const LINKS: Record<Link, string> = { opening: "Connecting", live: "Live", away: "Server away" };

function Live(): JSX.Element {
  const [link, setLink] = useState(changes.link);
  useLayoutEffect(() => changes.onStatus(setLink), []);
  return (
    <span class={`live ${link}`} role="status">
      <span class="dot" aria-hidden="true" />
      {LINKS[link]}
    </span>
  );
}

function Bar({ view }: { view: string }): JSX.Element {
  const theme = useTheme();
  const current = view === "compare" ? "jobs" : view;
  return (
    <header class="bar">
      <a class="brand" href="#/paper">
        <Icon name="curve" />
        normlab
      </a>
      <nav aria-label="Views">
        {VIEWS.map(({ path, text }) => (
          <a key={path} href={`#/${path}`} aria-current={path === current ? "page" : undefined}>
            {text}
          </a>
        ))}
      </nav>
      <Live />
      <button type="button" class="button quiet" aria-label={theme === "dark" ? "Light colours" : "Dark colours"} onClick={toggleTheme}>
        <span class="state">
          <Icon name={theme === "dark" ? "sun" : "moon"} />
        </span>
      </button>
    </header>
  );
}

interface Known {
  papers: Paper[];
  experiments: Map<string, Experiment>;
}
async function loadKnown(signal: AbortSignal): Promise<Known> {
  const [{ papers }, { experiments }] = await Promise.all([
    call("PaperService/ListPapers", {}, signal),
    call("ExperimentService/ListExperiments", {}, signal),
    changes.begun,
  ]);
  return { papers, experiments: new Map(experiments.map((e) => [e.name, e])) };
}

function View({ place, known, role }: { place: Place; known: Known; role: string }): JSX.Element {
  const { papers, experiments } = known;
  switch (viewOf(place)) {
    case "jobs":
      return <JobsView place={place} experiments={experiments} role={role} />;
    case "compare":
      return <CompareView place={place} />;
    case "submit":
      return <SubmitView place={place} experiments={experiments} role={role} />;
    case "machine":
      return <MachineView experiments={experiments} role={role} />;
    default:
      return <PaperView papers={papers} place={place} role={role} />;
  }
}

function Page({ session }: { session: Session }): JSX.Element {
  const place = usePlace();
  const view = viewOf(place);
  const known = useLoaded("known", loadKnown);
  const main = useRef<HTMLElement>(null);
  useEffect(() => changes.start(), []);
  useEffect(() => {
    document.title = [place.path[2] ?? place.path[1], VIEWS.find((v) => v.path === view)?.text ?? "Compare", "normlab"]
      .filter(Boolean)
      .join(" · ");
    window.scrollTo(0, 0);
  }, [place.path.join("/")]);
  return (
    <>
      <a class="skip" href="#main" onClick={(e) => (e.preventDefault(), main.current!.focus())}>
        To the content
      </a>
      <Bar view={view} />
      <main ref={main} id="main" tabIndex={-1} class={view === "jobs" ? "wide" : ""}>
        <Show of={known} what="papers and experiments">
          {(value) => <View place={place} known={value} role={session.role} />}
        </Show>
      </main>
      <Toasts />
    </>
  );
}

function App({ code }: { code: string }): JSX.Element {
  const [session, setSession] = useState<Session>();
  const [problem, setProblem] = useState<string>();
  const [waiting, setWaiting] = useState(code !== "");
  useEffect(() => {
    whenRefused(() => {
      setSession(undefined);
      setProblem("The server does not know this page's token any more.");
    });
    if (!code) return;
    enter(code)
      .then(setSession)
      .catch((error: CallError) => setProblem(error.message))
      .finally(() => setWaiting(false));
  }, []);
  if (waiting) return <div class="wait" />;
  if (session) return <Page session={session} />;
  return (
    <Door
      problem={problem}
      onEnter={(next) => {
        setProblem(undefined);
        setSession(next);
      }}
    />
  );
}

startTheme();
render(<App code={takeCode()} />, document.getElementById("app")!);
