/** `"1 234 567"` is hard to compare at a glance: `"1.23 M"`, `"457 k"`, `"12.3 k"`, `"812"`. */
export function formatRate(perSecond: number): string {
  if (!Number.isFinite(perSecond)) return "–";
  if (perSecond >= 999_500) return `${significant(perSecond / 1e6)} M`;
  if (perSecond >= 999.5) return `${significant(perSecond / 1e3)} k`;
  return significant(perSecond);
}

/** Microseconds in the unit that needs the fewest digits: `"1.73 µs"`, `"24 ms"`, `"2.1 s"`. */
export function formatMicroseconds(us: number): string {
  if (!Number.isFinite(us)) return "–";
  if (us >= 999_500) return `${significant(us / 1e6)} s`;
  if (us >= 999.5) return `${significant(us / 1e3)} ms`;
  return `${significant(us)} µs`;
}

/** A quotient: `"6.43"`, `"0.97"`, `"0.035"`, `"148"`, `"25,800"`. */
export function formatRatio(ratio: number): string {
  if (!Number.isFinite(ratio)) return "–";
  if (ratio >= 1000) return Number(ratio.toPrecision(3)).toLocaleString("en");
  return ratio >= 0.1 && ratio < 10 ? ratio.toFixed(2) : significant(ratio);
}

/** Three significant digits, without an exponent. */
export function significant(value: number): string {
  if (value === 0) return "0";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) * 1.0005)));
  return value.toFixed(Math.min(digits, 6));
}
