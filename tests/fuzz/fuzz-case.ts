/** One case: a heap with objects of one kind in it, some of its words changed, then all that can be done with them. Each operation must come to its end by a value or an error of ours. */
import fc from "fast-check";
import { isAllcoresError, Queue } from "../../src/index.js";
import { createThreadHeap, renewThreadHeap, type ThreadHeap } from "../../src/memory/thread-heap.js";
import { randomFrom } from "../fixtures/random.js";
import { changes, corrupt } from "./corruption.js";
import { decoding, wholeMessages } from "./messages.js";
import { type Operation, subjects } from "./subjects.js";

const names = Object.keys(subjects);
/** A heap of a case has some thousand words. */
const MOST_CONTROL_BYTES = 4 * 2 ** 20;
const MOST_DATA_BYTES = 4 * 2 ** 20;
const MOST_NEW_BYTES = 64 * 2 ** 20;

/** How often operations ended in which way: by a value, or by an error, by its code. */
export type Ends = Record<string, number>;

/** What must not be: an error that is not ours, by its first lines, and the seed of the first case with it. */
export type Faults = Record<string, number>;

function subjectOf(share: number): string {
  return names[Math.floor(share * names.length)]!;
}

/** What the case of a seed is about. */
export function subjectOfCase(seed: number): string {
  return subjectOf(randomFrom(seed)());
}

/** The subject that is bytes for the decoder. */
const MESSAGES = "messages";
/** Many cases to one heap. */
let messages: { readonly heap: ThreadHeap; readonly whole: readonly Uint8Array[]; used: number } | undefined;

async function runMessage(seed: number, ends: Ends, faults: Faults, isAt: (operation: number) => void): Promise<void> {
  if (messages === undefined || messages.used++ > 500) {
    const heap = renewThreadHeap(createThreadHeap());
    messages = { heap, whole: wholeMessages(), used: 0 };
  }
  const before = process.memoryUsage().arrayBuffers;
  const found = (what: string) => (faults[`${MESSAGES}: ${what}`] ??= seed);
  for (const [index, operation] of decoding(messages.whole, seed).entries()) {
    isAt(index);
    const end = await endOf(operation, found);
    ends[end] = (ends[end] ?? 0) + 1;
  }
  checkSize(messages.heap, before, found);
}

export async function runCase(seed: number, ends: Ends, faults: Faults, isAt: (operation: number) => void, only?: string): Promise<void> {
  if (only === MESSAGES) return await runMessage(seed, ends, faults, isAt);
  const [list] = fc.sample(changes, { numRuns: 1, seed });
  const heap = renewThreadHeap(createThreadHeap());
  const random = randomFrom(seed);
  const name = only ?? subjectOf(random());
  const { objects, operations } = subjects[name]!();
  const before = process.memoryUsage().arrayBuffers;
  corrupt(heap, list!);
  // Beginning anywhere: what comes first finds what is corrupt, the rest what that left.
  const from = Math.floor(random() * operations.length);
  const all = [...operations.slice(from), ...operations.slice(0, from), ...objects.map((object) => () => object.free()), newcomers];
  const found = (what: string) => (faults[`${name}: ${what}`] ??= seed);
  for (const [index, operation] of all.entries()) {
    isAt(index);
    const end = await endOf(operation, found);
    ends[end] = (ends[end] ?? 0) + 1;
  }
  checkSize(heap, before, found);
}

async function endOf(operation: Operation, found: (what: string) => void): Promise<string> {
  try {
    const result = operation();
    if (result instanceof Promise) await result;
    return "value";
  } catch (error) {
    if (isAllcoresError(error)) return error.code;
    found(error instanceof Error ? error.stack!.split("\n").slice(0, 4).join(" < ") : String(error));
    return "fault";
  }
}

/** The memory goes on to be used by others. */
function newcomers(): void {
  const queue = new Queue();
  queue.putSync("n".repeat(2000));
  queue.getSync({ timeout: 0 });
  queue.free();
}

function checkSize({ buffers }: ThreadHeap, before: number, found: (what: string) => void): void {
  if (buffers.control.byteLength > MOST_CONTROL_BYTES) found(`the control region has grown to ${buffers.control.byteLength} bytes`);
  if (buffers.data.byteLength > MOST_DATA_BYTES) found(`the data region has grown to ${buffers.data.byteLength} bytes`);
  if (process.memoryUsage().arrayBuffers - before > MOST_NEW_BYTES) found("buffers of absurd size were made");
}
