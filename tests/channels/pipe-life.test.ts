/**
 * What becomes of pipes whose ends travel to workers: as arguments, as results, to workers that never come to read
 * them; and of the memory of thousands.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Connection, createPipe, Process, ProcessPool, Queue, Thread, ThreadPool } from "allcores";
import { echo, echoAwaiting, fail, hangUp, makePipe, sayAndReturn } from "../fixtures/pipe-tasks.js";
import { usedWordsBeside } from "../fixtures/queue-insides.js";
import { runIn } from "../fixtures/run-in.js";
import { never } from "../fixtures/throws-while-loading.js";
import { timeLimit } from "../time-limit.js";

const CLOSED = { code: "ERR_ALLCORES_CONNECTION_CLOSED" };
const SOON = { timeout: timeLimit(20_000) };

/** Until it is so: finalizers of a garbage collection may come late. */
async function until(condition: () => boolean): Promise<void> {
  for (
    const end = performance.now() + timeLimit(10_000);
    !condition();
    await new Promise((resolve) => setTimeout(resolve, 5))
  )
    if (performance.now() > end) throw new Error(`never came true: ${condition}`);
}

for (const across of ["threads", "processes"] as const) {
  const start = (task: typeof echo, connection: Connection): Thread | Process =>
    across === "threads" ? (Thread.start(task, connection) as never) : (Process.start(task, connection) as never);

  describe(`A pipe across ${across}`, () => {
    test("blocking and awaiting ends, mixed", async () => {
      for (const task of [echo, echoAwaiting as unknown as typeof echo]) {
        const [here, there] = createPipe<number>({ across });
        const worker = start(task, there as Connection);
        for (let round = 0; round < 200; round++) {
          if (round % 2 === 0) here.sendSync(round);
          else await here.send(round);
          assert.equal(round % 3 === 0 ? here.recvSync(SOON) : await here.recv(SOON), round);
        }
        here.close();
        await worker.join();
      }
    });

    test("the parent need not close its copy of the child's end", async () => {
      for (const task of [sayAndReturn, fail as unknown as typeof echo]) {
        const [here, there] = createPipe<string>({ across });
        const worker = start(task as typeof echo, there as Connection);
        assert.equal(here.recvSync(SOON), "said");
        const from = performance.now();
        assert.throws(() => here.recvSync(SOON), CLOSED);
        assert.ok(performance.now() - from < timeLimit(1000));
        assert.equal(there.isClosed, true);
        await worker.join().catch(() => {});
      }
    });

    test("an end that is a result outlives the worker that made it", async () => {
      const end = await runIn(across, makePipe, across);
      assert.ok(end instanceof Connection);
      assert.equal(end.recvSync(SOON), "before the end");
      assert.throws(() => end.recvSync(SOON), CLOSED);
    });

    test("an end given to a worker that never runs its task is gone with it", async () => {
      const [here, there] = createPipe<string>({ across });
      const worker = start(never as unknown as typeof echo, there as Connection);
      const waiting = assert.rejects(here.recv(SOON), CLOSED);
      await assert.rejects(worker.join());
      await waiting;
    });

    test("also where this thread blocks meanwhile", async () => {
      const [here, there] = createPipe<string>({ across });
      const worker = start(never as unknown as typeof echo, there as Connection);
      assert.throws(() => here.recvSync(SOON), CLOSED);
      await assert.rejects(worker.join());
    });

    test("an end in a message that nobody takes any more is gone with the pipe that it was in", async () => {
      const [outer, other] = createPipe<unknown>({ across });
      const [here, there] = createPipe<string>({ across });
      outer.sendSync({ there });
      outer.sendSync({ bytes: Buffer.alloc(5000), none: [] });
      assert.equal(await here.poll({ timeout: 5 }), false);
      other.close();
      assert.throws(() => here.recvSync(SOON), CLOSED);
    });

    test("an end goes through a pool and is closed there", async () => {
      await using pool = across === "threads" ? new ThreadPool({ workers: 1 }) : new ProcessPool({ workers: 1 });
      const [here, there] = createPipe<string>({ across });
      assert.equal(await pool.submit(hangUp, there as Connection), true);
      assert.throws(() => here.recvSync(SOON), CLOSED);
    });

    test("ten thousand pipes, opened and closed, leave nothing", () => {
      const queue = new Queue<Connection>({ across });
      const round = (count: number): void => {
        for (let index = 0; index < count; index++) {
          const [here, there] = createPipe<unknown>({ across });
          here.sendSync(index);
          here.sendSync(Buffer.alloc(index % 10 === 0 ? 5000 : 10));
          queue.putSync(there as Connection);
          const back = queue.getSync();
          if (index % 2 === 0) assert.equal(back.recvSync(), index);
          back.close();
          here.close();
        }
      };
      // Until the queue has left its first chunk, which is smaller than the others.
      round(2_000);
      const before = usedWordsBeside(queue);
      round(10_000);
      assert.equal(usedWordsBeside(queue), before);
    });

    test("a thousand pipes open at once", () => {
      const pipes = Array.from({ length: 1000 }, () => createPipe<number>({ across }));
      for (const [index, [here]] of pipes.entries()) here.sendSync(index);
      for (const [index, [here, there]] of pipes.entries()) {
        assert.equal(there.recvSync(), index);
        here.close();
        there.close();
      }
    });

    test("forgotten ends are closed by the collector", async () => {
      setFlagsFromString("--expose-gc");
      const gc = runInNewContext("gc") as () => void;
      const here = (() => createPipe<string>({ across })[0])();
      await until(() => {
        gc();
        return here.pollSync();
      });
      assert.throws(() => here.recvSync(SOON), CLOSED);
    });

    test("disposing closes", async () => {
      const [here, there] = createPipe<number>({ across });
      await here[Symbol.asyncDispose]();
      assert.throws(() => there.recvSync(SOON), CLOSED);
      there[Symbol.dispose]();
      assert.equal(there.isClosed && here.isClosed, true);
    });
  });
}

test("an end across threads is refused by another process, and stays", () => {
  const [here, there] = createPipe<number>();
  assert.throws(() => Process.start(echo, there as Connection), { code: "ERR_ALLCORES_REACH", message: /args\[0\]/ });
  there.sendSync(1);
  assert.equal(here.recvSync(), 1);
});

test("options that make no sense are refused", () => {
  for (const capacity of [0, -1, 1.5, Number.NaN])
    assert.throws(() => createPipe({ capacity }), { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
  assert.throws(() => createPipe({ capacity: "1" as never }), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
  assert.throws(() => createPipe({ duplex: 1 as never }), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
  assert.throws(() => createPipe({ across: "moon" as never }), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
  const [here] = createPipe();
  assert.throws(() => here.recvIntoSync("no buffer" as never), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
});
