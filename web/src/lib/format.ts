// format.ts - numbers and times as text.
const grouped = new Intl.NumberFormat("en-US");

export const count = (n: number): string => grouped.format(n);
export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

const minus = (text: string): string => text.replace("-", "\u2212");

// Three significant digits, more where they are whole: 55000, 0.0123, 1.2e-7.
export function short(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "\u221e" : "\u2212\u221e";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4)
    return minus(value.toExponential(digits - 1))
      .replace(/\.?0+e/, "e")
      .replace("e+", "e");
  if (Number.isInteger(value)) return minus(size >= 10000 ? count(value) : String(value));
  return minus(String(Number(value.toPrecision(digits))));
}

export const fixed = (value: number, digits: number): string => minus(value.toFixed(digits));

// "41s", "3m07s", "2h15m", "4d03h"
export function duration(total: number): string {
  const two = (n: number): string => String(Math.floor(n)).padStart(2, "0");
  const s = Math.max(0, Math.round(total));
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m${two(s % 60)}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h${two((s % 3600) / 60)}m`;
  return `${Math.floor(s / 86400)}d${two((s % 86400) / 3600)}h`;
}

export function age(then: number, now: number): string {
  const s = now - then;
  if (s < 60) return "just now";
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ago`;
  return `${Math.floor(s / 86400)} d ago`;
}

export const clock = (time: number): string =>
  time ? new Date(time * 1000).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" }) : "";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];
export function bytes(n: number): string {
  let unit = 0;
  for (; n >= 1024 && unit < UNITS.length - 1; ++unit) n /= 1024;
  return `${unit === 0 ? n : n.toFixed(1)} ${UNITS[unit]}`;
}

export const percent = (share: number): string => `${Math.floor(100 * Math.min(1, Math.max(0, share)))} %`;
