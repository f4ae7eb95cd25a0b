// labels.ts - labels as people type them.

// "item=mnist arm=layer_4" is two labels.
export function labelsOf(text: string): Record<string, string> {
  const pairs = text.split(/\s+/).flatMap((word) => {
    const at = word.indexOf("=");
    return at > 0 ? [[word.slice(0, at), word.slice(at + 1)] as [string, string]] : [];
  });
  return Object.fromEntries(pairs);
}
