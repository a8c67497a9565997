import { ownUrl } from "../platform/index.js";

const MOST_FRAMES = 24;
const SHOWN_FRAMES = 10;
const MOST_LENGTH = 3000;

/** Files of this library: the bundle, or the folders that this one stands among. */
const library = new URL(".", ownUrl(import.meta.url)).pathname.replace(/\/(?:diagnosis\/)?$/, "/");

/**
 * The user's part of a stack: without its message and without this library's frames. Undefined when nothing is left.
 */
export function usersPart(stack: string | undefined): string | undefined {
  const frames = (stack ?? "")
    .split("\n")
    .filter((line) => /^\s+at (?!new Promise )/.test(line) && !line.includes(library));
  if (frames.length === 0) return undefined;
  return frames
    .slice(0, SHOWN_FRAMES)
    .map((line) => line.trim())
    .join("\n")
    .slice(0, MOST_LENGTH);
}

/** Where the calling code stands. */
export function stackHere(): string | undefined {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = MOST_FRAMES;
  const { stack } = new Error();
  Error.stackTraceLimit = limit;
  return usersPart(stack);
}
