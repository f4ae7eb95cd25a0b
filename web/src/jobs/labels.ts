// labels.ts - labels as people type them.

const wordsOf = (text: string): string[] => text.split(/\s+/).filter(Boolean);

// "item=mnist arm=layer_4" is two labels.
export function labelsOf(text: string): Record<string, string> {
  const pairs = wordsOf(text).flatMap((word) => {
    const at = word.indexOf("=");
    return at > 0 ? [[word.slice(0, at), word.slice(at + 1)] as [string, string]] : [];
  });
  return Object.fromEntries(pairs);
}

// The words that are none.
export const notLabels = (text: string): string[] => wordsOf(text).filter((word) => word.indexOf("=") < 1);
