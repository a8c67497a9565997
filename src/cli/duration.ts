import { InvalidArgumentError } from "commander";

const UNITS: Readonly<Record<string, number>> = { "": 1, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of "500ms", "30s", "5m", "1.5h"; a bare number is milliseconds, as everywhere in the library. */
export function duration(text: string): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  const milliseconds = Number(number) * UNITS[unit]!;
  if (number === undefined || milliseconds < 1)
    throw new InvalidArgumentError("It must be a time such as 500ms, 30s or 5m.");
  return milliseconds;
}

/** A whole number from `least`. */
export function wholeNumberFrom(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < least || text.trim() === "")
      throw new InvalidArgumentError(`It must be a whole number from ${least}.`);
    return value;
  };
}

/** Milliseconds as people say them: 0.4 s, 12 s, 3 min 20 s, 2 h 5 min. */
export function spoken(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${Math.round(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
