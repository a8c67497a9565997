/** The waiter nodes in the records of workers, as anybody reads them. */
import { load } from "#atomics";
import type { Heap } from "../memory/heap.js";
import {
  ALIVE,
  HEADER,
  INLINE_NODES,
  KIND_MASK,
  MAX_WORKERS,
  NODE,
  NODE_BLOCK,
  NODE_WORDS,
  NODES_PER_BLOCK,
  RECORD,
  RECORD_WORDS,
  recordOf,
  REGISTRY_AT,
  STATE_MASK,
} from "../memory/layout.js";
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
export function eachNode(heap: Heap, record: number, visit: (node: number, record: number) => void): void {
  heap.reserveWords(heap.words[HEADER.brk]!);
  const { words } = heap;
  const end = record + RECORD.nodes + Math.min(words[record + RECORD.nodesHigh]!, INLINE_NODES) * NODE_WORDS;
  for (let node = record + RECORD.nodes; node < end; node += NODE_WORDS) visit(node, record);
  const more = load(words, record + RECORD.moreNodes);
  const walk = more === 0 ? undefined : new Walk(heap);
  for (let block = more; block !== 0; block = heap.words[block + NODE_BLOCK.next]!) {
    walk!.to(block);
    for (let index = 0; index < NODES_PER_BLOCK; index++) visit(block + NODE_BLOCK.nodes + index * NODE_WORDS, record);
  }
}

/** Whether the worker of a record is alive and has ever waited, as far as the record says. */
export function hasNodes(words: Int32Array, record: number): boolean {
  return load(words, record + RECORD.nodesHigh) !== 0 && (load(words, record + RECORD.state) & STATE_MASK) === ALIVE;
}

/** All nodes of the living workers, each with the record of its worker. */
export function eachLivingNode(heap: Heap, visit: (node: number, record: number) => void): void {
  const high = Math.min(load(heap.words, HEADER.workersHigh), MAX_WORKERS + 1);
  for (let slot = 1; slot < high; slot++) {
    const record = REGISTRY_AT + slot * RECORD_WORDS;
    if (hasNodes(heap.words, record)) eachNode(heap, record, visit);
  }
}

/** What the living wait for, in the order of their records. Read while it changes. */
export function armedIn(heap: Heap): ArmedNode[] {
  const found: ArmedNode[] = [];
  for (const worker of livingWorkers(heap.words)) {
    eachNode(heap, recordOf(worker), (node) => {
      const count = wantedIn(load(heap.words, node + NODE.state));
      if (count > 0)
        found.push({
          worker,
          node,
          key: heap.words[node + NODE.key]!,
          kind: heap.words[node + NODE.kind]! & KIND_MASK,
          count,
        });
    });
  }
  return found;
}

/** Whether the worker of a record waits for something, as far as its own nodes say. */
export function isArmed({ words }: Heap, record: number): boolean {
  const end = record + RECORD.nodes + Math.min(words[record + RECORD.nodesHigh]!, INLINE_NODES) * NODE_WORDS;
  for (let node = record + RECORD.nodes; node < end; node += NODE_WORDS)
    if (wantedIn(load(words, node + NODE.state)) > 0) return true;
  return false;
}
