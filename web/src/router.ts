// router.ts - where we are, kept in the fragment: #/jobs?state=running.
import { useLayoutEffect, useState } from "preact/hooks";

export interface Place {
  path: string[];
  query: URLSearchParams;
}

export function parsePlace(hash: string): Place {
  const [path, query] = hash.replace(/^#\/?/, "").split("?", 2);
  return { path: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query ?? "") };
}

export function hrefOf(path: string[], query: Record<string, string | undefined> = {}): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]));
  const search = new URLSearchParams(given).toString();
  return `#/${path.map(encodeURIComponent).join("/")}${search ? `?${search}` : ""}`;
}

export function go(href: string): void {
  location.hash = href.slice(1);
}

// Changes the query in place: filters are no steps to go back by.
export function setQuery(place: Place, changes: Record<string, string | undefined>): void {
  const query = Object.fromEntries(place.query);
  history.replaceState(null, "", hrefOf(place.path, { ...query, ...changes }));
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}

export function usePlace(): Place {
  const [place, setPlace] = useState(() => parsePlace(location.hash));
  // In the same turn as the first look: an effect comes after the frame, and misses where somebody goes meanwhile.
  useLayoutEffect(() => {
    const changed = (): void => setPlace(parsePlace(location.hash));
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, []);
  return place;
}
