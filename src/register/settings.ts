/** What of node:fs can be routed, each by itself. */
export const PARTS = ["promises", "callbacks", "streams"] as const;

/** One of {@link PARTS}. */
export type Part = (typeof PARTS)[number];

/** What PROACTOR_REGISTER asks for. */
export interface Settings {
  readonly parts: ReadonlySet<Part>;
  /** Says on stderr what it did, when the process exits. */
  readonly reports: boolean;
  /** Words that are none of these. */
  readonly unknown: readonly string[];
}

/**
 * Reads PROACTOR_REGISTER: a list of {@link PARTS}, `all` (the default), `off`, and `report`, with
 * commas between.
 */
export function parseSettings(text: string | undefined): Settings {
  const words = (text ?? "").split(",").flatMap((word) => word.trim() || []);
  const parts = new Set<Part>();
  const unknown: string[] = [];
  let named = false;
  for (const word of words) {
    const part = PARTS.find((name) => name === word);
    if (part !== undefined) parts.add(part);
    else if (word === "all") for (const each of PARTS) parts.add(each);
    else if (word !== "off" && word !== "report") unknown.push(word);
    named ||= word === "all" || part !== undefined;
  }
  const off = words.includes("off");
  if (off) parts.clear();
  else if (!named) for (const each of PARTS) parts.add(each);
  return { parts, reports: words.includes("report"), unknown };
}
