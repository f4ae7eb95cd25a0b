// door.tsx - how a page comes to its token: the one-time code in its address, or what somebody pastes. It is kept in memory alone.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call, exchange, setToken } from "./api/client";
import { useAction } from "./lib/hooks";
import { ErrorBox } from "./ui/parts";

export interface Session {
  role: string; // "viewer", "submitter", "admin"
}

// The code of "#t=CODE", once: it leaves the address before anything else happens.
export function takeCode(): string {
  const code = /^#t=(.+)$/.exec(location.hash)?.[1] ?? "";
  if (code) history.replaceState(null, "", location.pathname);
  return code;
}

export async function enter(code: string): Promise<Session> {
  const { token, role } = await exchange(code);
  setToken(token);
  return { role };
}

// A link with a code, or a token itself. A token does not say its role; the server refuses what it may not.
async function enterWith(text: string): Promise<Session> {
  const code = /#t=(.+)$/.exec(text)?.[1];
  if (code) return enter(code);
  setToken(text);
  await call("ExperimentService/DescribeExperiment", { name: "mnist_mlp" });
  return { role: "admin" };
}

export function Door({ problem, onEnter }: { problem?: string; onEnter: (session: Session) => void }): JSX.Element {
  const [text, setText] = useState("");
  const { busy, error, run } = useAction();
  const submit = (event: Event): void => {
    event.preventDefault();
    run(async () => onEnter(await enterWith(text.trim())));
  };
  return (
    <main class="door card">
      <h1>normlab</h1>
      {problem && <p class="warn-box">{problem}</p>}
      <form class="stack" onSubmit={submit}>
        <p>
          Open the link that <code class="mono">normlab up</code> prints. It works once; this page keeps what it gets in memory, so a reload
          asks again.
        </p>
        <label class="field">
          Or paste a link, or the token in <span class="mono">HOME/run/token</span>
          <input class="input" type="password" autocomplete="off" value={text} onInput={(e) => setText(e.currentTarget.value)} />
        </label>
        {error && <ErrorBox error={error} doing="Opening" />}
        <button type="submit" class="button primary" disabled={busy || !text.trim()}>
          Open
        </button>
      </form>
    </main>
  );
}
