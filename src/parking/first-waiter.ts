/** The order of those who wait for one key: the higher priority first, then who has waited for longer. */
import { load } from "#atomics";
import type { Heap } from "../memory/heap.js";
import { NODE, PRIORITY_SHIFT } from "../memory/layout.js";
import { wantedIn } from "./node-state.js";
import { eachLivingNode } from "./worker-nodes.js";

/** The node whose turn it is. */
export interface FirstNode {
  readonly node: number;
  /** Its worker's. */
  readonly record: number;
  /** What it waits for: of two keys that share a line. */
  readonly key: number;
  readonly ticket: number;
  readonly priority: number;
}

/**
 * Whether one node comes after another: it is of a lower priority, or waits for less long. Two that stand for very long
 * may have the same ticket.
 */
export function comesAfter(
  priority: number,
  ticket: number,
  node: number,
  otherPriority: number,
  otherTicket: number,
  other: number,
): boolean {
  if (priority !== otherPriority) return priority < otherPriority;
  const younger = (ticket - otherTicket) | 0;
  return younger !== 0 ? younger > 0 : node > other;
}

/**
 * The node of a living worker that comes before all others which wait for `key`, or for `otherKey` of the same line,
 * with a wake-up on its way or without.
 */
export function firstWaiter(heap: Heap, key: number, otherKey = key): FirstNode | undefined {
  const { words } = heap;
  let first: FirstNode | undefined;
  eachLivingNode(heap, (node, record) => {
    const nodeKey = words[node + NODE.key]!;
    if (wantedIn(load(words, node + NODE.state)) === 0 || (nodeKey !== key && nodeKey !== otherKey)) return;
    const ticket = words[node + NODE.ticket]!;
    const priority = words[node + NODE.kind]! >> PRIORITY_SHIFT;
    if (first !== undefined && !comesAfter(first.priority, first.ticket, first.node, priority, ticket, node)) return;
    first = { node, record, key: nodeKey, ticket, priority };
  });
  return first;
}
