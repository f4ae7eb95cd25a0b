// parts.tsx - what every view is made of.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { CallError } from "../api/client";
import type { Loaded } from "../lib/hooks";

export function ErrorBox({ error, doing }: { error: CallError; doing: string }): JSX.Element {
  return (
    <div class="error-box" role="alert">
      <strong>{doing} did not work.</strong> {error.violations.length === 0 && error.message}
      {error.violations.length > 0 && (
        <ul>
          {error.violations.map((v) => (
            <li key={v.field + v.description}>
              <span class="mono">{v.field}</span> {v.description}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

// A part of a view that the token does not open is no failure.
function NotAllowed({ what }: { what: string }): JSX.Element {
  return <p class="note">Your token does not let you see {what}. The rest is here.</p>;
}

export function Wait({ what }: { what: string }): JSX.Element {
  return (
    <div role="status">
      <div class="wait" />
      <span class="hidden-visually">Loading {what}</span>
    </div>
  );
}

// The value when it is there; until then a line that moves, or what went wrong. An old value stays beside an error.
export function Show<T>({ of, what, children }: { of: Loaded<T>; what: string; children: (value: T) => ComponentChildren }): JSX.Element {
  return (
    <>
      {of.error?.status === "PERMISSION_DENIED" && <NotAllowed what={what} />}
      {of.error && of.error.status !== "PERMISSION_DENIED" && <ErrorBox error={of.error} doing={`Loading ${what}`} />}
      {of.value !== undefined ? children(of.value) : of.loading && <Wait what={what} />}
    </>
  );
}

export function Segments<T extends string>(props: {
  label: string;
  options: { value: T; text: string }[];
  value: T;
  onChange: (value: T) => void;
}): JSX.Element {
  return (
    <div class="segments" role="group" aria-label={props.label}>
      {props.options.map((option) => (
        <button key={option.value} type="button" aria-pressed={option.value === props.value} onClick={() => props.onChange(option.value)}>
          {option.text}
        </button>
      ))}
    </div>
  );
}

export function Progress({ share, tone = "" }: { share: number; tone?: string }): JSX.Element {
  const fill = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    fill.current!.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
  }, [share]);
  return (
    <div class="progress" aria-hidden="true">
      <span ref={fill} class={tone} />
    </div>
  );
}

export function Figures({ of }: { of: [string, ComponentChildren][] }): JSX.Element {
  return (
    <dl class="figures">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

// 0.0072, 1.2 x 10^-7: as the field writes numbers.
export function Num({ text }: { text: string }): JSX.Element {
  const match = /^(.*)e(-|\u2212)?(\d+)$/.exec(text);
  if (!match) return <>{text}</>;
  return (
    <span class="nowrap">
      {match[1]}
      {"\u00d710"}
      <sup>
        {match[2] ? "\u2212" : ""}
        {match[3]}
      </sup>
    </span>
  );
}

export function Confirm(props: {
  title: string;
  children: ComponentChildren;
  action: string;
  onYes: () => void;
  onNo: () => void;
}): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  useEffect(() => dialog.current!.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby={title} onClose={props.onNo}>
      <h2 id={title}>{props.title}</h2>
      {props.children}
      <div class="row">
        <button type="button" class="button" onClick={props.onNo}>
          Keep
        </button>
        <button type="button" class="button danger" onClick={props.onYes}>
          {props.action}
        </button>
      </div>
    </dialog>
  );
}

export interface Note {
  text: string;
  href?: string;
  action?: string;
}
let announce: (note: Note) => void = () => {};
export const say = (note: Note): void => announce(note);

export function Toasts(): JSX.Element {
  const [notes, setNotes] = useState<(Note & { id: number })[]>([]);
  useEffect(() => {
    let next = 0;
    announce = (note) => {
      const id = ++next;
      setNotes((old) => [...old.slice(-2), { ...note, id }]);
      setTimeout(() => setNotes((old) => old.filter((n) => n.id !== id)), 8000);
    };
  }, []);
  return (
    <div class="toasts" role="status">
      {notes.map((note) => (
        <div class="toast" key={note.id}>
          <span>{note.text}</span>
          {note.href && <a href={note.href}>{note.action}</a>}
        </div>
      ))}
    </div>
  );
}

// Saves what was made here as a file.
export function download(name: string, media: string, content: BlobPart): void {
  const url = URL.createObjectURL(new Blob([content], { type: media }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
