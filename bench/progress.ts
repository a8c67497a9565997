/**
 * Tells on stderr how far a benchmark is: in one line that is written over on a terminal, elsewhere in a line now and
 * then.
 */
const EVERY_MS = process.stderr.isTTY ? 100 : 15_000;

let last = performance.now();
let measurements = 0;
let isShown = false;

/** A new measurement begins: the turns that follow are its own. */
export function measurement(): void {
  measurements++;
}

/** Turn `turn` of `turns` of the present measurement begins. */
export function progress(turn: number, turns: number): void {
  const now = performance.now();
  if (now - last < EVERY_MS) return;
  last = now;
  const text = `  measurement ${measurements}, turn ${turn} of ${turns}, ${Math.round(now / 1000)} s`;
  process.stderr.write(process.stderr.isTTY ? `\r${text}\x1b[K` : `${text}\n`);
  isShown = true;
}

/** Clears the line before something else is printed. */
export function clearProgress(): void {
  if (isShown && process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  isShown = false;
}
