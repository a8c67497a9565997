/** Who gets the turn in an execution: the runner writes it into the control block before the execution begins. */
import { CONTROL, type ControlBlock, MOST_FALLS, PLANNED, PRIORITIES, THREAD, WALK } from "./control-block.js";
import type { Schedule } from "./schedule.js";

/** The choices of a schedule, and where it says nothing the preferred ones. */
export function plan({ words, plan }: ControlBlock, schedule: Schedule): void {
  words[CONTROL.policy] = PLANNED;
  words[CONTROL.planned] = schedule.length;
  for (const [index, [decision, choice]] of schedule.entries()) {
    plan[index * 2] = decision;
    plan[index * 2 + 1] = choice;
  }
}

/** Any thread that can run, drawn at each decision. */
export function walkByChance({ words }: ControlBlock, seed: number): void {
  words[CONTROL.policy] = WALK;
  words[CONTROL.random] = Math.imul(seed, 0x9e3779b1) || 1;
}

/** The thread of the highest priority; at a few decisions, of `longest` at most, the one that runs falls behind. */
export function walkByPriorities(block: ControlBlock, seed: number, longest: number): void {
  walkByChance(block, seed);
  const { words } = block;
  words[CONTROL.policy] = PRIORITIES;
  let random = words[CONTROL.random]! >>> 0;
  const below = (most: number): number => {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
    return Math.floor((random / 2 ** 32) * most);
  };
  const order = Array.from({ length: words[CONTROL.threads]! }, (_, thread) => thread);
  for (let left = order.length; left > 1; ) {
    const other = below(left--);
    [order[left], order[other]] = [order[other]!, order[left]!];
  }
  for (const [priority, thread] of order.entries()) words[block.thread(thread) + THREAD.priority] = priority + 1;
  const falls = Array.from({ length: 1 + below(4) }, () => below(Math.max(1, longest))).sort((a, b) => a - b);
  words[CONTROL.falls] = Math.min(falls.length, MOST_FALLS);
  words[CONTROL.lowest] = 0;
  for (const [index, decision] of falls.entries()) words[CONTROL.fallsAt + index] = decision;
}
