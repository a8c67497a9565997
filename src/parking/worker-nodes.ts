/** The waiter nodes in the records of workers, as anybody reads them. */
import { load } from "#atomics";
import type { Heap } from "../memory/heap.js";
import { HEADER, INLINE_NODES, KIND_MASK, NODE, NODE_BLOCK, NODE_WORDS, NODES_PER_BLOCK, RECORD, recordOf } from "../memory/layout.js";
import { Walk } from "../memory/walk.js";
import { wantedIn } from "./node-state.js";
import { livingWorkers } from "./records.js";

/** Waiters of one worker for one key. */
export interface ArmedNode {
  readonly worker: number;
  readonly node: number;
  readonly key: number;
  /** BLOCKING or AWAITING. */
  readonly kind: number;
  readonly count: number;
}

/** All nodes of the worker of a record, armed or not. */
export function eachNode(heap: Heap, record: number, visit: (node: number) => void): void {
  heap.reserveWords(heap.words[HEADER.brk]!);
  const { words } = heap;
  const end = record + RECORD.nodes + Math.min(words[record + RECORD.nodesHigh]!, INLINE_NODES) * NODE_WORDS;
  for (let node = record + RECORD.nodes; node < end; node += NODE_WORDS) visit(node);
  const more = load(words, record + RECORD.moreNodes);
  const walk = more === 0 ? undefined : new Walk(heap);
  for (let block = more; block !== 0; block = heap.words[block + NODE_BLOCK.next]!) {
    walk!.to(block);
    for (let index = 0; index < NODES_PER_BLOCK; index++) visit(block + NODE_BLOCK.nodes + index * NODE_WORDS);
  }
}

/** What the living wait for, in the order of their records. Read while it changes. */
export function armedIn(heap: Heap): ArmedNode[] {
  const found: ArmedNode[] = [];
  for (const worker of livingWorkers(heap.words)) {
    eachNode(heap, recordOf(worker), (node) => {
      const count = wantedIn(load(heap.words, node + NODE.state));
      if (count > 0) found.push({ worker, node, key: heap.words[node + NODE.key]!, kind: heap.words[node + NODE.kind]! & KIND_MASK, count });
    });
  }
  return found;
}

/** Whether the worker of a record waits for something, as far as its own nodes say. */
export function isArmed({ words }: Heap, record: number): boolean {
  const end = record + RECORD.nodes + Math.min(words[record + RECORD.nodesHigh]!, INLINE_NODES) * NODE_WORDS;
  for (let node = record + RECORD.nodes; node < end; node += NODE_WORDS) if (wantedIn(load(words, node + NODE.state)) > 0) return true;
  return false;
}
