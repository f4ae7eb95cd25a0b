// theme.ts - dark or light: the system's, or what the user chose.
import { useEffect, useState } from "preact/hooks";

const KEY = "normlab-theme";
const system = window.matchMedia("(prefers-color-scheme: dark)");
export type Theme = "light" | "dark";

export const currentTheme = (): Theme => (localStorage.getItem(KEY) as Theme | null) ?? (system.matches ? "dark" : "light");

function apply(): void {
  document.documentElement.dataset.theme = currentTheme();
  window.dispatchEvent(new Event("themechange"));
}

export function startTheme(): void {
  apply();
  system.addEventListener("change", apply);
  // Canvases are drawn in the colours of their time: paper is white.
  window.addEventListener("beforeprint", () => {
    document.documentElement.dataset.theme = "light";
    window.dispatchEvent(new Event("themechange"));
  });
  window.addEventListener("afterprint", apply);
}

export function toggleTheme(): void {
  localStorage.setItem(KEY, currentTheme() === "dark" ? "light" : "dark");
  apply();
}

// Renders again when the theme changes.
export function useTheme(): string {
  const [theme, setTheme] = useState(document.documentElement.dataset.theme ?? "light");
  useEffect(() => {
    const changed = (): void => setTheme(document.documentElement.dataset.theme!);
    window.addEventListener("themechange", changed);
    return () => window.removeEventListener("themechange", changed);
  }, []);
  return theme;
}

export const color = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
// Pixels that 1rem is: screens of many pixels get larger letters.
export const rem = (): number => parseFloat(getComputedStyle(document.documentElement).fontSize);
