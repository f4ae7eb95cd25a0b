// client.ts - calls of normlab.v1 over HTTP: unary ones as JSON, streams as server-sent events read by fetch.
import type { Methods } from "./wire";

export type Method = keyof Methods;
type OfKind<K> = { [M in Method]: Methods[M]["kind"] extends K ? M : never }[Method];
export type Unary = OfKind<"unary">;
export type Streamed = OfKind<"stream">;
export type Ask<M extends Method> = Partial<Methods[M]["request"]>;
export type Answer<M extends Method> = Methods[M]["answer"];

export interface Violation {
  field: string;
  description: string;
}

export class CallError extends Error {
  constructor(
    readonly status: string,
    message: string,
    readonly violations: Violation[] = [],
  ) {
    super(message);
  }
}

let token = "";
let onRefused: () => void = () => {};

export function setToken(value: string): void {
  token = value;
}
// Called when the server no longer knows the token.
export function whenRefused(then: () => void): void {
  onRefused = then;
}

interface ErrorBody {
  error?: { status?: string; message?: string; details?: { "@type": string; field_violations?: Violation[] }[] };
}

export function errorOf(body: ErrorBody, fallback: string): CallError {
  const { status = "UNKNOWN", message = fallback, details = [] } = body.error ?? {};
  return new CallError(
    status,
    message,
    details.flatMap((d) => d.field_violations ?? []),
  );
}

async function post(path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      signal,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new CallError("UNAVAILABLE", "The server does not answer. Is it running?");
  }
  if (response.ok) return response;
  const failure = errorOf(await response.json().catch(() => ({})), `HTTP ${response.status}`);
  if (response.status === 401) onRefused();
  throw failure;
}

export async function call<M extends Unary>(method: M, request: Ask<M>, signal?: AbortSignal): Promise<Answer<M>> {
  return (await post(`/v1/${method}`, request, signal)).json();
}

export async function exchange(code: string): Promise<{ token: string; role: string }> {
  return (await post("/session", { code })).json();
}

export interface Event {
  name: string;
  data: string;
}

// Server-sent events out of text that comes in pieces; what is left over waits for the next piece.
export class EventReader {
  private rest = "";

  push(text: string): Event[] {
    const blocks = (this.rest + text).replaceAll("\r\n", "\n").split("\n\n");
    this.rest = blocks.pop()!;
    return blocks.map(parseBlock).filter((event) => event.data !== "" || event.name !== "message");
  }
}

function parseBlock(block: string): Event {
  const event = { name: "message", data: "" };
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) event.name = line.slice(6).trim();
    if (line.startsWith("data:")) event.data += line.slice(5).trimStart();
  }
  return event;
}

export async function* stream<M extends Streamed>(method: M, request: Ask<M>, signal?: AbortSignal): AsyncGenerator<Answer<M>> {
  const response = await post(`/v1/${method}`, request, signal);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const events = new EventReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new CallError("UNAVAILABLE", "The connection ended before the answer was complete.");
      for (const event of events.push(value)) {
        if (event.name === "end") return;
        if (event.name === "error") throw errorOf(JSON.parse(event.data), "The stream failed.");
        yield JSON.parse(event.data);
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

export async function collect<M extends Streamed>(method: M, request: Ask<M>, signal?: AbortSignal): Promise<Answer<M>[]> {
  const parts: Answer<M>[] = [];
  for await (const part of stream(method, request, signal)) parts.push(part);
  return parts;
}
