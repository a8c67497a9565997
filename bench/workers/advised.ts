/** Twelve kinds of task for the adviser, each with inputs drawn from a seed. */
import { pbkdf2Sync } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { Lock, sleepSync, type Task, task } from "allcores";

const gzipped = promisify(gzip);
const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Some 3 ns each on the machine that this was written on. */
function compute(steps: number): number {
  let sum = 1;
  for (let step = 0; step < steps; step++) sum = (sum * 31 + step) & 0xffff;
  return sum;
}

interface Held {
  readonly lock: Lock;
  readonly steps: number;
}
interface Mixed {
  readonly steps: number;
  readonly ms: number;
}

export const waits = task(import.meta, "waits", async (ms: number) => await wait(ms));
export const computes = task(import.meta, "computes", compute);
export const mixes = task(import.meta, "mixes", async ({ steps, ms }: Mixed) => {
  const sum = compute(steps);
  await wait(ms);
  return sum;
});
export const walks = task(import.meta, "walks", (words: number) => {
  const memory = new Int32Array(words).fill(1);
  let sum = 0;
  for (let at = 0, step = 0; step < words; step++) {
    at = (at * 1_103_515_245 + 12_345) & (words - 1);
    sum += memory[at]!;
  }
  return sum;
});
export const adds = task(import.meta, "adds", (n: number) => n + 1);
export const takes = task(import.meta, "takes", (bytes: Uint8Array) => bytes[0]! + bytes.length);
export const gives = task(import.meta, "gives", (bytes: number) => new Uint8Array(bytes).fill(7));
export const grows = task(import.meta, "grows", compute);
export const blocks = task(import.meta, "blocks", (ms: number) => sleepSync(ms));
export const digests = task(import.meta, "digests", (rounds: number) =>
  pbkdf2Sync("secret", "salt", rounds, 32, "sha256"),
);
export const locks = task(import.meta, "locks", ({ lock, steps }: Held) => lock.runSync(() => compute(steps)));
export const compresses = task(
  import.meta,
  "compresses",
  async (bytes: number) => (await gzipped(Buffer.alloc(bytes, "some text that repeats"))).length,
);

/** A whole number from `least` to `most`. */
export type Draw = (least: number, most: number) => number;

/** A task with its inputs. */
export interface Drawn {
  readonly kind: string;
  readonly task: Task<(input: never) => unknown>;
  readonly inputs: readonly unknown[];
}

/** `work`: milliseconds of work for each kind, one call after the other, or about so. `stepsPerMs`: on this machine. */
export function draw(draw: Draw, work: number, stepsPerMs: number): Drawn[] {
  const of = (kind: string, task: unknown, each: number, input: (nth: number, count: number) => unknown): Drawn => {
    const count = Math.max(4, Math.min(200_000, Math.round(work / each)));
    return { kind, task: task as Drawn["task"], inputs: Array.from({ length: count }, (_, nth) => input(nth, count)) };
  };
  const ms = (least: number, most: number) => draw(least * 10, most * 10) / 10;
  const steps = (each: number) => Math.round(each * stepsPerMs);
  const [wait, spin, mixed, held, blocked] = [ms(5, 40), ms(1, 20), ms(2, 10), ms(1, 10), ms(2, 20)];
  const words = 2 ** draw(16, 20);
  const [taken, given, zipped, rounds] = [
    draw(1 << 16, 1 << 20),
    draw(1 << 16, 1 << 20),
    draw(1 << 16, 1 << 19),
    draw(2000, 20_000),
  ];
  const lock = new Lock({ across: "processes" });
  return [
    of("waits", waits, wait, () => wait),
    of("computes", computes, spin, () => steps(spin)),
    of("mixes", mixes, 4 * mixed, () => ({ steps: steps(mixed), ms: 3 * mixed })),
    of("walks memory", walks, words / 100_000, () => words),
    of("tiny", adds, 0.005, (nth) => nth),
    of("large arguments", takes, taken / 500_000, () => new Uint8Array(taken)),
    of("large results", gives, given / 500_000, () => given),
    of("growing items", grows, spin, (nth, count) => steps((2 * spin * nth) / count)),
    of("blocks", blocks, blocked, () => blocked),
    of("native code", digests, rounds / 2500, () => rounds),
    of("holds a lock", locks, held, () => ({ lock, steps: steps(held) })),
    of("libuv's threads", compresses, zipped / 100_000, () => zipped),
  ];
}

/** How many steps of `compute` a millisecond has here: the best of some. */
export function stepsPerMs(): number {
  const STEPS = 2_000_000;
  let best = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < 5; turn++) {
    const start = performance.now();
    compute(STEPS);
    best = Math.min(best, performance.now() - start);
  }
  return STEPS / best;
}
