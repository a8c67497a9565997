/**
 * The waiter nodes of this worker in a heap that nobody waits at: those of its record, then blocks of more, which later
 * workers of its slot inherit.
 */
import { store } from "#atomics";
import type { Heap } from "../memory/heap.js";
import { INLINE_NODES, KIND, NODE_BLOCK, NODE_WORDS, NODES_PER_BLOCK, RECORD } from "../memory/layout.js";
import { AT_ONCE, within } from "../memory/time-limit.js";
import { Walk } from "../memory/walk.js";

export class VacantNodes {
  readonly #heap: Heap;
  readonly #nodes: number[] = [];
  #inherited = false;

  constructor(heap: Heap) {
    this.#heap = heap;
  }

  take(): number {
    const vacant = this.#nodes.pop();
    if (vacant !== undefined) return vacant;
    const heap = this.#heap;
    const { record } = heap;
    const high = Math.max(1, heap.words[record + RECORD.nodesHigh]!);
    if (high < INLINE_NODES) {
      store(heap.words, record + RECORD.nodesHigh, high + 1);
      return record + RECORD.nodes + high * NODE_WORDS;
    }
    if (!this.#inherited) {
      // The slot's earlier workers have left their blocks, emptied by the sweep.
      this.#inherited = true;
      heap.catchUp();
      const walk = new Walk(heap);
      for (
        let block = heap.words[record + RECORD.moreNodes]!;
        block !== 0;
        block = heap.words[walk.to(block) + NODE_BLOCK.next]!
      )
        this.#add(block);
      return this.take();
    }
    const block = heap.allocator.allocate(NODE_BLOCK.nodes + NODES_PER_BLOCK * NODE_WORDS, KIND.plain);
    const { words } = heap;
    words[block + NODE_BLOCK.next] = words[record + RECORD.moreNodes]!;
    store(words, record + RECORD.moreNodes, block);
    this.#add(block);
    return this.take();
  }

  /** Whether so many can be taken without waiting for a stopped worker, who may be inside the allocator. */
  canTake(count: number): boolean {
    const { words, record } = this.#heap;
    if (this.#nodes.length + INLINE_NODES - Math.max(1, words[record + RECORD.nodesHigh]!) >= count) return true;
    const nodes: number[] = [];
    const taken = within(AT_ONCE, () => {
      while (nodes.length < count) nodes.push(this.take());
      return true;
    });
    for (const node of nodes) this.put(node);
    return taken === true;
  }

  #add(block: number): void {
    for (let index = NODES_PER_BLOCK - 1; index >= 0; index--)
      this.#nodes.push(block + NODE_BLOCK.nodes + index * NODE_WORDS);
  }

  put(node: number): void {
    this.#nodes.push(node);
  }
}
