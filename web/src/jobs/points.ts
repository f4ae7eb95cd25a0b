// points.ts - how much of a curve is on the screen, in words.
import { count, plural } from "../lib/format";

export const shownText = (shown: number, total: number): string =>
  shown < total ? `${count(shown)} of ${count(total)} points shown` : plural(total, "point");
