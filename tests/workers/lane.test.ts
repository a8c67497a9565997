/**
 * Both sides of a lane in one thread: order, room, wrapping, taking back, and what a reader sees of an unfinished
 * record.
 */
import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { encode } from "../../src/codec/index.js";
import { threadHeap } from "../../src/memory/index.js";
import { Lane, LAST, MOST_AHEAD, RING_WORDS } from "../../src/workers/lane.js";
import { LaneOwner } from "../../src/workers/lane-owner.js";
import { LaneWorker } from "../../src/workers/lane-worker.js";

const heap = threadHeap();
const message = (value: unknown) => encode(value, { to: "threads" });

describe("lane", () => {
  const lanes: Lane[] = [];
  const open = () => {
    const lane = Lane.create(heap, 1);
    lanes.push(lane);
    return { lane, owner: new LaneOwner(lane, undefined), worker: new LaneWorker(lane, undefined) };
  };
  afterEach(() => {
    for (const lane of lanes.splice(0)) lane.free();
  });
  /** What the worker takes, done at once. */
  const takeAll = (worker: LaneWorker) => {
    const taken: unknown[] = [];
    while (worker.take()) {
      taken.push([worker.sequence, worker.read()]);
      worker.done();
    }
    return taken;
  };

  test("jobs come out whole and in order, however often the ring begins anew", () => {
    const { owner, worker } = open();
    let next = 1;
    for (let round = 0; round < 200; round++) {
      const sent: unknown[] = [];
      for (let size = (round * 37) % 900; ; size = (size * 7 + 13) % 1000) {
        const value = { n: next, text: "x".repeat(size) };
        if (owner.send(next, 0, 0, 1, message(value)) === undefined) break;
        sent.push([next++, value]);
      }
      assert.ok(sent.length > 3);
      assert.deepEqual(takeAll(worker), sent);
    }
  });

  test("a full ring refuses, and has room again once the worker is done", () => {
    const { owner, worker } = open();
    let sent = 0;
    while (owner.send(++sent, 0, 0, 1, message(sent)) !== undefined);
    assert.equal(sent - 1, Math.floor(RING_WORDS / 5));
    assert.ok(worker.take());
    assert.equal(owner.send(sent, 0, 0, 1, message(sent)), undefined);
    worker.done();
    assert.notEqual(owner.send(sent, 0, 0, 1, message(sent)), undefined);
  });

  test("long payloads stand in a block of their own, which is given back", () => {
    const { owner, worker } = open();
    const text = "x".repeat(3000);
    const thereAndBack = () => {
      assert.notEqual(owner.send(1, 0, 0, 1, message(text)), undefined);
      assert.ok(heap.allocator.usedWords() > before);
      assert.ok(worker.take());
      assert.equal(worker.read(), text);
      worker.reply(LAST, 1, 5, message(text));
      worker.done();
      assert.ok(owner.receive());
      assert.deepEqual([owner.sequence, owner.time, owner.read()], [1, 5, text]);
      owner.release();
    };
    const before = heap.allocator.usedWords();
    for (let n = 0; n < 3; n++) {
      thereAndBack();
      assert.equal(heap.allocator.usedWords(), before);
    }
  });

  test("a job is taken or taken back, never both", () => {
    const { owner, worker } = open();
    const positions = [1, 2, 3, 4].map((n) => owner.send(n, 0, 0, 1, message(n)) as number);
    assert.ok(worker.take());
    assert.equal(worker.sequence, 1);
    assert.equal(owner.takeBack(positions[0] as number), undefined);
    assert.ok(owner.isTaken(positions[0] as number));
    const payload = owner.takeBack(positions[1] as number);
    assert.ok(typeof payload === "object");
    assert.equal(owner.takeBack(positions[1] as number), undefined);
    assert.notEqual(owner.takeBack(positions[3] as number), undefined);
    worker.done();
    // What was taken back can be sent again, and is passed by where it stood.
    assert.notEqual(owner.send(5, 0, 0, 2, payload as Exclude<typeof payload, undefined>), undefined);
    assert.deepEqual(takeAll(worker), [
      [3, 3],
      [5, 2],
    ]);
  });

  test("a record that was not committed is not there", () => {
    const { lane, owner, worker } = open();
    owner.send(1, 0, 0, 1, message("first"));
    // As a pool that was killed before its last store.
    const tail = lane.words[lane.at] as number;
    owner.send(2, 0, 0, 1, message("torn"));
    lane.words[lane.at] = tail;
    assert.deepEqual(takeAll(worker), [[1, "first"]]);
    assert.equal(worker.hasJob, false);
  });

  test("as many last results as jobs may stand in a lane find room while nobody reads, whatever their size", () => {
    const { owner, worker } = open();
    const value = "x".repeat(900);
    for (let n = 1; n <= MOST_AHEAD; n++) {
      assert.notEqual(owner.send(n, 0, 0, 1, message(n)), undefined);
      assert.ok(worker.take());
      worker.read();
      worker.reply(LAST, 1, 0, message(value));
      worker.done();
    }
    for (let n = 1; n <= MOST_AHEAD; n++) {
      assert.ok(owner.receive());
      assert.deepEqual([owner.sequence, owner.read()], [n, value]);
      owner.release();
    }
    assert.equal(owner.receive(), false);
  });

  describe("of a thread that waits in its loop", () => {
    const connected = () => {
      const { port1, port2 } = new MessageChannel();
      const lane = Lane.create(heap, 1);
      lanes.push(lane);
      ports.push(port1);
      return { owner: new LaneOwner(lane, port1), worker: new LaneWorker(lane, port2), port: port1 };
    };
    const ports: MessagePort[] = [];
    afterEach(() => {
      for (const port of ports.splice(0)) port.close();
    });

    test("each job wakes it, with or without something beside it", async () => {
      const { owner, worker } = connected();
      for (let n = 1; n <= 4; n++) {
        const waiting = worker.wait();
        assert.ok(owner.isAsleep);
        const buffer = new ArrayBuffer(n);
        if (n % 2 === 0) owner.send(n, 0, 0, 1, message(n));
        else {
          const moved = encode(buffer, { to: "threads", attach: true, transfer: [buffer] });
          owner.send(n, 0, 0, 1, moved, moved);
        }
        await waiting;
        assert.equal(owner.isAsleep, false);
        assert.ok(worker.take());
        const value = worker.read();
        assert.equal(value instanceof ArrayBuffer ? value.byteLength : value, n);
        worker.done();
      }
    });

    test("a job that was there before needs nobody to wake it", async () => {
      const { owner, worker } = connected();
      owner.send(1, 0, 0, 1, message(1));
      await worker.wait();
      assert.equal(owner.isAsleep, false);
    });

    test("what comes through the port before its job was committed does not end the wait", async () => {
      const { owner, worker, port } = connected();
      let isOver = false;
      const waiting = worker.wait().then(() => {
        isOver = true;
      });
      // As a pool that posts, and is slow to commit.
      port.postMessage([1, [new ArrayBuffer(8)]]);
      for (let n = 0; n < 5; n++) await turn();
      assert.equal(isOver, false);
      assert.ok(owner.isAsleep);
      owner.send(1, 0, 0, 1, message("committed"));
      await waiting;
      assert.deepEqual(takeAll(worker), [[1, "committed"]]);
    });
  });

  test("a request to stop names its job", () => {
    const { owner, worker } = open();
    owner.send(8, 0, 0, 1, message(1));
    owner.send(9, 0, 0, 1, message(1));
    worker.take();
    owner.cancel(8);
    assert.equal(worker.isCancelled(8), true);
    worker.done();
    worker.take();
    assert.equal(worker.isCancelled(9), false);
  });
});
