/** What a worker was granted and had not used when it ended goes to others who wait for the same. */
import { compareExchange, load, store } from "#atomics";
import type { Heap } from "../memory/heap.js";
import { KIND_MASK, NODE, PENDING_MASK, RECORD } from "../memory/layout.js";
import { closedState, grantedIn, SEQUENCE_ONE } from "./node-state.js";
import { onSweep } from "./sweep.js";
import { eachNode } from "./worker-nodes.js";
import "./wait-queue.js";

onSweep({
  doing: "passing on the wake-ups of a worker that ended",
  run: (heap, record) => {
    passOn(heap, record);
    return true;
  },
  cut: ({ words }, record) => store(words, record + RECORD.moreNodes, 0),
});

function passOn(heap: Heap, record: number): void {
  const { words } = heap;
  eachNode(heap, record, (node) => {
    let state = load(words, node + NODE.state);
    // Closed before it is emptied: a waker that still took this worker for alive must not grant into it any more.
    for (let closed = closedState(state); state !== closed; closed = closedState(state)) {
      const seen = compareExchange(words, node + NODE.state, state, closed);
      if (seen === state) state = closed;
      else state = seen;
    }
    const owed = grantedIn(state) + ((words[node + NODE.kind]! & PENDING_MASK) >>> 1);
    if (owed > 0) heap.waitQueue.wake(words[node + NODE.key]!, owed);
    words[node + NODE.kind]! &= KIND_MASK;
    store(words, node + NODE.state, (state + SEQUENCE_ONE) & ~(SEQUENCE_ONE - 1));
  });
}
