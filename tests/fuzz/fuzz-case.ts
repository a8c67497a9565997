/**
 * One case: a heap with objects of one kind in it, some of its words changed, then all that can be done with them. Each
 * operation must come to its end by a value or an error of ours.
 */
import fc from "fast-check";
import { isAllcoresError, Queue } from "../../src/index.js";
import type { Heap } from "../../src/memory/index.js";
import { renewProcessHeap } from "../../src/memory/process-heap.js";
import { createThreadHeap, renewThreadHeap, ThreadHeap } from "../../src/memory/thread-heap.js";
import { randomFrom } from "../fixtures/random.js";
import { changes, corrupt } from "./corruption.js";
import { placesIn, spoil, WRONGS } from "./layout-walk.js";
import { decoding, wholeMessages } from "./messages.js";
import { makeSubjectsAcross, type Operation, subjects } from "./subjects.js";

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

export async function runCase(
  seed: number,
  ends: Ends,
  faults: Faults,
  isAt: (operation: number) => void,
  only?: string,
): Promise<void> {
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
  const all = [
    ...operations.slice(from),
    ...operations.slice(0, from),
    ...objects.map((object) => () => object.free()),
    newcomers,
  ];
  const found = (what: string) => (faults[`${name}: ${what}`] ??= seed);
  for (const [index, operation] of all.entries()) {
    isAt(index);
    const end = await endOf(operation, found);
    ends[end] = (ends[end] ?? 0) + 1;
  }
  checkSize(heap, before, found);
}

/** The walk over the layouts, of objects across threads or across processes. */
export const WALKS = { layout: "threads", "layout-processes": "processes" } as const;
type WalkName = keyof typeof WALKS;

export function isWalk(name: string | undefined): name is WalkName {
  return name !== undefined && Object.hasOwn(WALKS, name);
}

let counted:
  | { readonly walk: WalkName; readonly sizes: readonly (readonly [subject: string, cases: number])[] }
  | undefined;
/** Their finalizers would reach into the memory of later cases, which is the same. */
const kept: unknown[] = [];

function freshHeap(walk: WalkName): Heap {
  makeSubjectsAcross(WALKS[walk]);
  return WALKS[walk] === "threads" ? renewThreadHeap(createThreadHeap()) : renewProcessHeap();
}

function sizesOf(walk: WalkName): readonly (readonly [subject: string, cases: number])[] {
  if (counted?.walk !== walk) {
    const sizes = names.map((name) => {
      const heap = freshHeap(walk);
      const subject = subjects[name]!();
      if (WALKS[walk] === "processes") kept.push(subject, heap);
      return [name, placesIn(heap).length * WRONGS] as const;
    });
    counted = { walk, sizes };
  }
  return counted.sizes;
}

/** How many cases a walk has. */
export function casesOf(walk: WalkName): number {
  return sizesOf(walk).reduce((sum, [, cases]) => sum + cases, 0);
}

/** One word, one wrong value, then all that can be done. Returns what was wrong. */
export async function runWalk(
  walk: WalkName,
  index: number,
  ends: Ends,
  faults: Faults,
  isAt: (operation: number) => void,
): Promise<void> {
  let rest = index % casesOf(walk);
  let name = "";
  for (const [subject, cases] of sizesOf(walk)) {
    name = subject;
    if (rest < cases) break;
    rest -= cases;
  }
  const heap = freshHeap(walk);
  const subject = subjects[name]!();
  if (WALKS[walk] === "processes") kept.push(subject, heap);
  const before = process.memoryUsage().arrayBuffers;
  const what = spoil(heap, placesIn(heap), rest);
  if (what === undefined) return;
  const found = (fault: string) => (faults[`${name}, ${what}: ${fault}`] ??= index);
  const operations = [
    ...subject.operations,
    ...subject.objects.map((object) => () => object.free()),
    newcomers,
    () => heap.registry.reap(true),
  ];
  for (const [at, operation] of operations.entries()) {
    isAt(at);
    const end = await endOf(operation, found);
    ends[end] = (ends[end] ?? 0) + 1;
  }
  if (heap instanceof ThreadHeap) checkSize(heap, before, found);
  else if (process.memoryUsage().arrayBuffers - before > 2 * 2 ** 30) found("buffers of absurd size were made");
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
  if (buffers.control.byteLength > MOST_CONTROL_BYTES)
    found(`the control region has grown to ${buffers.control.byteLength} bytes`);
  if (buffers.data.byteLength > MOST_DATA_BYTES) found(`the data region has grown to ${buffers.data.byteLength} bytes`);
  if (process.memoryUsage().arrayBuffers - before > MOST_NEW_BYTES) found("buffers of absurd size were made");
}
