// values.ts - what proto3's JSON writes as text, as numbers and bytes.
import type { Base64, Double, Long } from "./wire";

// Exact up to 2^53, which no count of ours reaches.
export const long = (value: Long | undefined): number => Number(value ?? 0);
export const double = (value: Double | undefined): number => Number(value ?? NaN);
export const seconds = (time: string | undefined): number => (time ? Date.parse(time) / 1000 : 0);

export function bytesOf(parts: Base64[]): Uint8Array {
  const decoded = parts.map((part) => Uint8Array.from(atob(part), (c) => c.charCodeAt(0)));
  const whole = new Uint8Array(decoded.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of decoded) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const textOf = (parts: Base64[]): string => new TextDecoder().decode(bytesOf(parts));

// "NORM_KIND_LAYER" with the prefix "NORM_KIND_" is "layer".
export const shortName = (value: string, prefix: string): string => value.slice(prefix.length).toLowerCase();
