// door.tsx - how a page comes to its token: the one-time code in its address, or what somebody pastes. It is kept in memory alone.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { type CallError, call, exchange, setToken } from "./api/client";
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

const refused = (call: Promise<unknown>): Promise<boolean> =>
  call.then(
    () => false,
    (error: CallError) => {
      if (error.status === "UNAUTHENTICATED" || error.status === "UNAVAILABLE") throw error;
      return error.status === "PERMISSION_DENIED";
    },
  );

// A token does not say its role; calls that change nothing do.
async function roleOfToken(): Promise<string> {
  if (!(await refused(call("JobService/DeleteJob", { request_id: crypto.randomUUID(), job_id: "" })))) return "admin";
  const submits = call("JobService/BatchCreateJobs", { request_id: crypto.randomUUID(), validate_only: true });
  return (await refused(submits)) ? "viewer" : "submitter";
}

// A link with a code, or a token itself.
async function enterWith(text: string): Promise<Session> {
  const code = /#t=(.+)$/.exec(text)?.[1];
  if (code) return enter(code);
  setToken(text);
  return { role: await roleOfToken() };
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
          Open the link that <code class="mono">normlab up</code> prints, or <code class="mono">normlab page</code> while it runs. A link
          works once, and what this page gets for it is kept in memory: a reload asks again.
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
