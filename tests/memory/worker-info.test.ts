import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { workerAt } from "../../src/diagnosis/identity.js";
import { RECORD } from "../../src/memory/index.js";
import { workerInfo } from "../../src/parking/index.js";
import { WORKER_INFO, WAIT_RECORD } from "../../src/memory/layout.js";
import { ThreadHeap, threadHeap } from "../../src/memory/thread-heap.js";

/** Another worker of the same heap, with a worker info. */
function another(identity: string): ThreadHeap {
  const heap = new ThreadHeap(threadHeap().buffers);
  workerInfo.writeWorkerInfo(heap, identity);
  return heap;
}

const wait = { waits: [{ at: 12, key: 14 }], flags: workerInfo.ENDLESS, since: 1_800_000_000_123, text: "text" };

describe("worker info", () => {
  it("is read by others, and its wait record until it is taken off", () => {
    const heap = another('{"name":"Ada","model":"thread"}');
    const { record } = heap;
    assert.equal(workerAt(threadHeap(), record).name, "Ada");
    assert.equal(workerInfo.findWaitRecord(threadHeap(), record), undefined);
    const waitRecord = workerInfo.putWaitRecord(heap, wait);
    const found = workerInfo.findWaitRecord(threadHeap(), record)!;
    const { block, generation, page, looks, ...told } = found;
    assert.ok(page > 0);
    assert.deepEqual({ ...told, text: workerInfo.readWaitRecord(threadHeap(), record, found) }, wait);
    assert.equal(block, waitRecord);
    assert.equal(looks, 0);
    workerInfo.lookedInVain(heap, waitRecord);
    assert.equal(workerInfo.findWaitRecord(threadHeap(), record)!.looks, 1);
    workerInfo.takeWaitRecord(heap, waitRecord);
    assert.equal(workerInfo.isOn(threadHeap(), record, found), false);
    assert.equal(workerInfo.readWaitRecord(threadHeap(), record, found), undefined);
    // The next one stands in the same block.
    assert.equal(workerInfo.putWaitRecord(heap, wait), waitRecord);
    assert.equal(workerInfo.isOn(threadHeap(), record, found), false);
    assert.notEqual(workerInfo.findWaitRecord(threadHeap(), record)!.generation, generation);
    heap.registry.declareDead(heap.self);
  });

  it("goes back with its worker, and is not believed any more", () => {
    const before = threadHeap().allocator.usedWords();
    const heap = another("{}");
    const { record } = heap;
    workerInfo.putWaitRecord(heap, wait);
    threadHeap().registry.declareDead(heap.self);
    assert.equal(workerInfo.findWaitRecord(threadHeap(), record), undefined);
    assert.equal(workerInfo.readWorkerInfo(threadHeap(), record), undefined);
    assert.equal(threadHeap().allocator.usedWords(), before);
  });

  it("that makes no sense says nothing", () => {
    const heap = another("no JSON");
    const { words, record } = heap;
    assert.match(workerAt(threadHeap(), record).name, /^(process|thread) \d+$/);
    const waitRecord = workerInfo.putWaitRecord(heap, wait);
    for (const count of [-1, 0x7fffffff, workerInfo.MOST_WAITS + 1]) {
      words[waitRecord + WAIT_RECORD.count] = count;
      assert.equal(workerInfo.findWaitRecord(threadHeap(), record), undefined);
    }
    words[waitRecord + WAIT_RECORD.count] = 1;
    words[waitRecord + WAIT_RECORD.bytes] = 0x7fffffff;
    assert.equal(
      workerInfo.readWaitRecord(threadHeap(), record, workerInfo.findWaitRecord(threadHeap(), record)!),
      undefined,
    );
    const info = words[record + RECORD.workerInfo]!;
    for (const block of [-4, 0x7ffffff0]) {
      words[info + WORKER_INFO.waitRecord] = block;
      assert.equal(workerInfo.findWaitRecord(threadHeap(), record), undefined);
    }
    words[info + WORKER_INFO.bytes] = -1;
    assert.equal(workerInfo.readWorkerInfo(threadHeap(), record), undefined);
    words[info + WORKER_INFO.waitRecord] = waitRecord;
    threadHeap().registry.declareDead(heap.self);
  });

  it("with a long identity is cut", () => {
    const heap = another("x".repeat(100_000));
    assert.equal(workerInfo.readWorkerInfo(threadHeap(), heap.record)?.length, 16_384);
    heap.registry.declareDead(heap.self);
  });
});
