/** Views of SharedMemory and SharedArray cross as views of the same memory: by whatever way, and without a copy. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createPipe, Process, ProcessPool, Queue, SharedArray, SharedMemory, Thread, ThreadPool } from "allcores";
import { fill } from "../fixtures/view-tasks.js";

for (const across of ["threads", "processes"] as const) {
  describe(`across ${across}`, () => {
    test("as argument and result of a worker", async () => {
      const memory = new SharedMemory(4096, { across });
      const view = memory.view("int32", 100, 10);
      const worker = across === "threads" ? Thread.start(fill, view, 7) : Process.start(fill, view, 7);
      const back = await worker.join();
      assert.deepEqual([view[0], view[9], memory.view("int32", 140, 1)[0]], [7, 7, 0]);
      assert.equal(back.buffer, view.buffer);
      assert.deepEqual([back.byteOffset, back.length], [view.byteOffset, 10]);
    });

    test("through a pool", async () => {
      await using pool = across === "threads" ? new ThreadPool({ workers: 1 }) : new ProcessPool({ workers: 1 });
      const array = new SharedArray("int32", 5, { across });
      const back = await pool.submit(fill, array.view, 3);
      assert.deepEqual([...array], [3, 3, 3, 3, 3]);
      assert.equal(back.buffer, array.view.buffer);
    });

    test("through queues and pipes: every kind of view, and the buffer itself", () => {
      const memory = new SharedMemory(64, { across });
      const queue = new Queue<unknown>({ across });
      const [here, there] = createPipe<unknown>({ across });
      const { bytes } = memory;
      const values = [
        bytes,
        new DataView(bytes.buffer, bytes.byteOffset + 8, 4),
        Buffer.from(bytes.buffer, bytes.byteOffset + 16, 2),
        { deep: [memory.view("float64")] },
      ];
      queue.putSync(values);
      here.sendSync(values);
      for (const got of [queue.getSync(), there.recvSync()]) {
        const [all, data, buffer, { deep }] = got as [Uint8Array, DataView, Buffer, { deep: [Float64Array] }];
        for (const view of [all, data, buffer, deep[0]]) assert.equal(view.buffer, bytes.buffer);
        assert.deepEqual([all.length, data.byteLength, buffer.length, deep[0].length], [64, 4, 2, 8]);
        data.setUint8(0, 99);
        assert.equal(bytes[8], 99);
        assert.ok(Buffer.isBuffer(buffer) && data instanceof DataView);
      }
      queue.putSync(bytes.buffer);
      assert.equal(queue.getSync(), bytes.buffer);
    });

    test("the memory stays as long as a view that arrived", () => {
      const queue = new Queue<Uint8Array>({ across });
      (() => {
        const memory = new SharedMemory(16, { across });
        memory.bytes[3] = 5;
        queue.putSync(memory.bytes);
      })();
      assert.equal(queue.getSync()[3], 5);
    });

    test("a view of memory that was given back is refused with its path", () => {
      const memory = new SharedMemory(16, { across });
      const { bytes } = memory;
      memory.close();
      assert.throws(() => new Queue<unknown>({ across }).putSync({ bytes }), {
        code: "ERR_ALLCORES_FREED",
        message: /value\.bytes/,
      });
    });
  });
}

test("a view of memory across threads is refused by a process", () => {
  const queue = new Queue<unknown>({ across: "processes" });
  assert.throws(() => queue.putSync([new SharedMemory(16).bytes]), {
    code: "ERR_ALLCORES_REACH",
    message: /value\[0\]/,
  });
  assert.throws(() => Process.start(fill, new SharedArray("int32", 1).view, 1), {
    code: "ERR_ALLCORES_REACH",
    message: /args\[0\]/,
  });
});
