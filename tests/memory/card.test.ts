import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { workerAt } from "../../src/diagnosis/identity.js";
import { cards, RECORD } from "../../src/memory/index.js";
import { CARD, NOTICE } from "../../src/memory/layout.js";
import { ThreadHeap, threadHeap } from "../../src/memory/thread-heap.js";

/** Another worker of the same heap, with a card. */
function another(identity: string): ThreadHeap {
  const heap = new ThreadHeap(threadHeap().buffers);
  cards.writeCard(heap, identity);
  return heap;
}

const wait = { waits: [{ at: 12, key: 14 }], flags: cards.ENDLESS, since: 1_800_000_000_123, text: "text" };

describe("a card", () => {
  it("is read by others, and its notice until it is taken off", () => {
    const heap = another('{"name":"Ada","model":"thread"}');
    const { record } = heap;
    assert.equal(workerAt(threadHeap(), record).name, "Ada");
    assert.equal(cards.findNotice(threadHeap(), record), undefined);
    const notice = cards.putNotice(heap, wait);
    const found = cards.findNotice(threadHeap(), record)!;
    const { block, generation, page, looks, ...told } = found;
    assert.ok(page > 0);
    assert.deepEqual({ ...told, text: cards.readNotice(threadHeap(), record, found) }, wait);
    assert.equal(block, notice);
    assert.equal(looks, 0);
    cards.lookedInVain(heap, notice);
    assert.equal(cards.findNotice(threadHeap(), record)!.looks, 1);
    cards.takeNotice(heap, notice);
    assert.equal(cards.isOn(threadHeap(), record, found), false);
    assert.equal(cards.readNotice(threadHeap(), record, found), undefined);
    // The next one stands in the same block.
    assert.equal(cards.putNotice(heap, wait), notice);
    assert.equal(cards.isOn(threadHeap(), record, found), false);
    assert.notEqual(cards.findNotice(threadHeap(), record)!.generation, generation);
    heap.registry.declareDead(heap.self);
  });

  it("goes back with its worker, and is not believed any more", () => {
    const before = threadHeap().allocator.usedWords();
    const heap = another("{}");
    const { record } = heap;
    cards.putNotice(heap, wait);
    threadHeap().registry.declareDead(heap.self);
    assert.equal(cards.findNotice(threadHeap(), record), undefined);
    assert.equal(cards.readCard(threadHeap(), record), undefined);
    assert.equal(threadHeap().allocator.usedWords(), before);
  });

  it("that makes no sense says nothing", () => {
    const heap = another("no JSON");
    const { words, record } = heap;
    assert.match(workerAt(threadHeap(), record).name, /^(process|thread) \d+$/);
    const notice = cards.putNotice(heap, wait);
    for (const count of [-1, 0x7fffffff, cards.MOST_WAITS + 1]) {
      words[notice + NOTICE.count] = count;
      assert.equal(cards.findNotice(threadHeap(), record), undefined);
    }
    words[notice + NOTICE.count] = 1;
    words[notice + NOTICE.bytes] = 0x7fffffff;
    assert.equal(cards.readNotice(threadHeap(), record, cards.findNotice(threadHeap(), record)!), undefined);
    const card = words[record + RECORD.card]!;
    for (const block of [-4, 0x7ffffff0]) {
      words[card + CARD.notice] = block;
      assert.equal(cards.findNotice(threadHeap(), record), undefined);
    }
    words[card + CARD.bytes] = -1;
    assert.equal(cards.readCard(threadHeap(), record), undefined);
    words[card + CARD.notice] = notice;
    threadHeap().registry.declareDead(heap.self);
  });

  it("with a long identity is cut", () => {
    const heap = another("x".repeat(100_000));
    assert.equal(cards.readCard(threadHeap(), heap.record)?.length, 16_384);
    heap.registry.declareDead(heap.self);
  });
});
