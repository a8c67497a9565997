/**
 * The core of the pools over a link that it does not know: processes that share no memory with the program and talk
 * over a socket.
 */
import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import { describe, test } from "node:test";
import {
  CancelledError,
  Event,
  type Future,
  MemoryLimitError,
  type Pool,
  PoolFullError,
  StateError,
  TimeoutError,
  transfer,
  UnsendableError,
  WorkerDiedError,
} from "allcores";
import { SocketPool } from "../fixtures/socket-pool.js";
import * as tasks from "../fixtures/pool-tasks.js";
import * as own from "../fixtures/socket-tasks.js";
import { poolContract, type PoolKind } from "./pool.contract.js";
import { poolCallContract } from "./pool-call.contract.js";
import { poolCallbacksContract } from "./pool-callbacks.contract.js";
import { poolLoadContract } from "./pool-load.contract.js";
import { poolMapContract } from "./pool-map.contract.js";
import { poolNewsContract } from "./pool-news.contract.js";
import { poolPauseContract } from "./pool-pause.contract.js";
import { poolRecycleContract } from "./pool-recycle.contract.js";
import { poolSlotContract } from "./pool-slot.contract.js";
import { poolWidthContract } from "./pool-width.contract.js";
import { withPool } from "./with-pool.js";
import { timeLimit } from "../time-limit.js";

/**
 * One call at a time: the contract says of a death, and of a call that takes too long, that it costs the one call that
 * its worker had begun.
 */
const kind: PoolKind = {
  model: "process",
  across: "processes",
  isShareless: true,
  make: (options) => new SocketPool(options, 1),
};
poolContract("SocketPool", kind);
poolCallContract("SocketPool", kind);
poolCallbacksContract("SocketPool", kind);
poolLoadContract("SocketPool", kind);
poolMapContract("SocketPool", kind);
poolNewsContract("SocketPool", kind);
poolPauseContract("SocketPool", kind);
poolRecycleContract("SocketPool", kind);
poolSlotContract("SocketPool", kind);
poolWidthContract("SocketPool", { ...kind, make: (options) => new SocketPool(options) });

const count = (to: number) => Array.from({ length: to }, (_, index) => index);
const using = withPool((options) => new SocketPool(options));

/** Where tasks wait until they are let go on. */
class Gate {
  readonly #server: Server = createServer((socket) => this.#came(socket));
  readonly #sockets: Socket[] = [];
  #isOpen = false;
  port = 0;

  static async make(): Promise<Gate> {
    const gate = new Gate();
    await new Promise<void>((resolve) => gate.#server.listen(0, "127.0.0.1", resolve));
    gate.port = (gate.#server.address() as { port: number }).port;
    return gate;
  }
  #came(socket: Socket): void {
    socket.on("error", () => {});
    this.#sockets.push(socket);
    if (this.#isOpen) socket.write("go");
  }
  open(): void {
    this.#isOpen = true;
    for (const socket of this.#sockets) socket.write("go");
  }
  [Symbol.dispose](): void {
    this.open();
    for (const socket of this.#sockets) socket.end();
    this.#server.close();
  }
}

const begun = (future: Future<unknown>) =>
  new Promise<void>((resolve) => void future.onProgress((news) => news === "begun" && resolve()));

/** A call that runs until the gate opens. In an array, since a future that is given alone would be awaited. */
async function hold(pool: Pool, gate: Gate, result: unknown): Promise<[Future<unknown>]> {
  const future = pool.submit(own.hold, gate.port, result);
  await begun(future);
  return [future];
}

describe("SocketPool: its link", { timeout: timeLimit(120_000) }, () => {
  test("calls and their errors come back whole, from another process", () =>
    using({ workers: 2 }, async (pool) => {
      assert.equal(await pool.submit(tasks.add, 1, 2), 3);
      assert.deepEqual(
        await Promise.all(count(50).map((n) => pool.submit(tasks.square, n))),
        count(50).map((n) => n * n),
      );
      await assert.rejects(pool.submit(tasks.fail, "no"), { name: "CodedError", message: "no", code: "E_CODED" });
      assert.notEqual(await pool.submit(own.workerPid), process.pid);
      const { submitted, completed, failed } = pool.stats();
      assert.deepEqual([submitted, completed, failed], [53, 52, 1]);
    }));

  test("map: in order, as they come, with errors as outcomes, and lazily", () =>
    using({ workers: 2 }, async (pool) => {
      const squares = count(40).map((n) => n * n);
      assert.deepEqual(await pool.map(tasks.squareLater, count(40)), squares);
      assert.deepEqual(
        (await pool.map(tasks.squareLater, count(40)).unordered()).sort((a, b) => a - b),
        squares,
      );
      const outcomes = await pool
        .starmap(
          tasks.failAt,
          count(6).map((n) => [3, n] as const),
          { chunkSize: 2 },
        )
        .settled();
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ["fulfilled", "fulfilled", "fulfilled", "rejected", "fulfilled", "fulfilled"],
      );
    }));

  test("a worker has several calls begun, answers them in any order, and the rest are held back", async () => {
    using first = await Gate.make();
    using second = await Gate.make();
    await using({ workers: 1 }, async (pool) => {
      const [slow] = await hold(pool, first, "slow");
      const [quick] = await hold(pool, second, "quick");
      const behind = pool.submit(tasks.add, 1, 2);
      assert.deepEqual([slow.state, quick.state, behind.state], ["running", "running", "pending"]);
      assert.equal(pool.stats().running, 2);
      second.open();
      assert.equal(await quick, "quick");
      assert.equal(await behind, 3);
      assert.equal(slow.state, "running");
      first.open();
      assert.equal(await slow, "slow");
    });
  });

  test("what is held back can be called off and never runs; what runs hears of it by its signal", async () => {
    using gate = await Gate.make();
    await using({ workers: 1, killGrace: Number.POSITIVE_INFINITY }, async (pool) => {
      const running = [...(await hold(pool, gate, 1)), ...(await hold(pool, gate, 2))] as const;
      const behind = pool.submit(tasks.add, 1, 2);
      assert.equal(behind.cancel(), true);
      await assert.rejects(behind, CancelledError);
      running[0].cancel();
      await assert.rejects(running[0], CancelledError);
      // Its place is free: it has heard.
      assert.equal(await pool.submit(tasks.add, 3, 4), 7);
      assert.equal(running[1].state, "running");
      gate.open();
      assert.equal(await running[1], 2);
    });
  });

  test("priorities and maxQueue", async () => {
    using gate = await Gate.make();
    await using({ workers: 1, maxQueue: 8 }, async (pool) => {
      const running = [...(await hold(pool, gate, 1)), ...(await hold(pool, gate, 2))];
      const order: number[] = [];
      const waiting = count(8).map((n) =>
        pool
          .with({ priority: n })
          .submit(tasks.add, n, 0)
          .then((value) => order.push(value)),
      );
      assert.throws(() => pool.submit(tasks.add, 1, 2), PoolFullError);
      assert.equal(pool.trySubmit(tasks.add, 1, 2), undefined);
      gate.open();
      await Promise.all([...running, ...waiting]);
      assert.deepEqual([...order].sort(), count(8));
    });
  });

  test("a death costs what was begun, and nothing that was held back; with retries it costs nothing", async () => {
    using gate = await Gate.make();
    await using({ workers: 1 }, async (pool) => {
      const [held] = await hold(pool, gate, "held");
      const dying = pool.submit(tasks.exit, 7);
      const behind = count(3).map((n) => pool.submit(tasks.square, n));
      await assert.rejects(
        dying,
        (error: WorkerDiedError) =>
          error instanceof WorkerDiedError && error.exitCode === 7 && !(error instanceof MemoryLimitError),
      );
      await assert.rejects(held, WorkerDiedError);
      assert.deepEqual(await Promise.all(behind), [0, 1, 4]);
      assert.equal(pool.stats().died, 1);
      await assert.rejects(
        pool.with({ retries: { limit: 1, delay: 1 } }).submit(tasks.exit, 3),
        (error: WorkerDiedError) => error.deaths.length === 2,
      );
    });
  });

  test("a worker that does not end what was called off gets nothing more: its end hits nobody else", () =>
    using({ workers: 2, killGrace: 50 }, async (pool) => {
      const spinning = pool.submit(own.spin);
      await begun(spinning);
      spinning.cancel();
      assert.deepEqual(
        await Promise.all(count(8).map((n) => pool.submit(tasks.square, n))),
        count(8).map((n) => n * n),
      );
      await assert.rejects(spinning, CancelledError);
    }));

  test("taskTimeout, and killGrace for one that computes for ever", () =>
    using({ workers: 1, taskTimeout: timeLimit(500), killGrace: 50 }, async (pool) => {
      await assert.rejects(pool.submit(own.spin), TimeoutError);
      assert.equal(await pool.submit(tasks.add, 1, 2), 3);
    }));

  test("the initializer goes first in each worker; one that throws fails the pool", async () => {
    await using({ workers: 1, initializer: tasks.add, initArgs: [1, 2] }, async (pool) =>
      assert.equal(await pool.submit(tasks.square, 3), 9),
    );
    await using({ workers: 1, initializer: tasks.fail, initArgs: ["not today"] }, async (pool) => {
      await assert.rejects(pool.submit(tasks.square, 3), { code: "ERR_ALLCORES_INITIALIZER", message: /not today/ });
    });
  });

  test("close lets what was submitted be done; terminate ends it", async () => {
    const pool = new SocketPool({ workers: 2 });
    const futures = count(20).map((n) => pool.submit(tasks.squareLater, n));
    pool.close();
    assert.throws(() => pool.submit(tasks.add, 1, 2), StateError);
    await pool.join();
    assert.deepEqual(
      await Promise.all(futures),
      count(20).map((n) => n * n),
    );
    const other = new SocketPool({ workers: 1 });
    const spinning = other.submit(own.spin);
    await begun(spinning);
    other.terminate();
    await assert.rejects(spinning, CancelledError);
    await other.join();
  });

  describe("what its link lacks is refused by name", () => {
    test("shared objects", () =>
      using({ workers: 1 }, async (pool) => {
        const event = new Event({ across: "processes" });
        const refusal = (path: string) => (error: Error) =>
          error instanceof UnsendableError &&
          error.message.startsWith(path) &&
          /Event, one of the shared objects, .*workers of this SocketPool share no memory/.test(error.message);
        assert.throws(() => pool.submit(tasks.throwValue, { list: [event] }), refusal("args[0].list[0]"));
        await assert.rejects(pool.map(tasks.throwValue, [event]), refusal("args[0]"));
        assert.throws(() => pool.handle(), {
          code: "ERR_ALLCORES_STATE",
          message: /pool\.handle\(\) needs shared objects.*SocketPool/,
        });
        assert.equal(await pool.submit(tasks.add, 1, 2), 3);
      }));

    test("a way past this event loop", async () => {
      const pool = new SocketPool({ workers: 1 });
      const future = pool.submit(tasks.add, 1, 2);
      pool.close();
      assert.throws(() => pool.joinSync(), {
        code: "ERR_ALLCORES_STATE",
        message: /joinSync\(\) needs a way past this event loop.*SocketPool.*await join\(\)/,
      });
      await pool.join();
      assert.equal(await future, 3);
    });

    test("moved buffers", () =>
      using({ workers: 1 }, async (pool) => {
        const bytes = new Uint8Array(10);
        assert.throws(() => pool.with({ transfer: [bytes.buffer] }), {
          code: "ERR_ALLCORES_STATE",
          message: /options\.transfer needs moved buffers.*SocketPool/,
        });
        assert.throws(
          () => pool.submit(tasks.sizeOf, transfer(bytes)),
          (error: Error) =>
            error instanceof UnsendableError &&
            /marked by transfer\(\).*workers of this SocketPool get no moved buffers/.test(error.message),
        );
        assert.equal(bytes.length, 10);
        assert.equal(await pool.submit(tasks.sizeOf, new Uint8Array(5)), 5);
      }));

    test("a cancel inside a computation", () =>
      using({ workers: 1 }, async (pool) => {
        await assert.rejects(pool.submit(own.askCancelled), {
          code: "ERR_ALLCORES_STATE",
          message: /currentWorker\(\)\.isCancelled needs a cancel inside a computation.*SocketPool/,
        });
      }));
  });
});
