import { MessageChannel } from "node:worker_threads";
import { decode } from "../codec/index.js";
import { HEADER, threadHeap } from "../memory/index.js";
import { RETURNED } from "../workers/completion.js";
import type { ThreadJob, ThreadJobResult } from "../workers/entry/thread.js";
import { PolledPort } from "../workers/polled-port.js";
import { openThread } from "../workers/thread.js";
import { Pool } from "./pool.js";
import type { PoolWorker, PoolWorkerEvents } from "./pool-worker.js";

/**
 * A pool of threads: CPU-bound work on every core, with shared memory and cheap moves.
 *
 * Threads start with the first work that needs them and then wait for more; an idle pool does not keep the program alive.
 * **Death:** a thread that ends fails only the task in its hands, with `WorkerDiedError`, and is replaced.
 *
 * @example
 * ```ts
 * import { isMain, task, ThreadPool } from "allcores";
 * const square = task(import.meta, function square(n: number) {
 *   return n * n;
 * });
 * if (isMain(import.meta)) {
 *   await using pool = new ThreadPool({ workers: 2 });
 *   console.log(await pool.map(square, [1, 2, 3])); // [ 1, 4, 9 ]
 * }
 * ```
 */
export class ThreadPool extends Pool {
  protected readonly boundary = "threads";

  protected nextName(): string {
    return `PoolWorker-${threadHeap().registry.nextName(HEADER.poolNames)}`;
  }

  protected open(name: string, events: PoolWorkerEvents): PoolWorker {
    const { port1, port2 } = new MessageChannel();
    const worker = openThread({ kind: "pool", heap: threadHeap().buffers, name, port: port2 }, [port2]);
    let cause: unknown;
    let held = false;
    worker.unref();
    const port = new PolledPort(port1, (result) => {
      const [id, state, bytes, attachments] = result as ThreadJobResult;
      let value: unknown;
      try {
        value = decode(bytes, 0, bytes.length, attachments);
      } catch (error) {
        events.threw(id, error);
        return;
      }
      if (state === RETURNED) events.returned(id, value);
      else events.threw(id, value);
    });
    // After the listener, which refs it: the worker's handle alone decides about the program's life.
    port1.unref();
    port1.on("messageerror", (error) => {
      // It cannot be known whose result it was: the thread ends, and its job fails with this cause.
      cause = error;
      void worker.terminate();
    });
    worker.on("error", (error) => {
      cause = error;
    });
    worker.on("exit", (code) => {
      // What it had sent is taken in before its job is given up.
      port.drain();
      port1.close();
      events.ended(code, undefined, cause);
    });
    return {
      name,
      send(id, { url, name: task }, args) {
        const job: ThreadJob = [id, url, task, args.toBytes(), args.attachments];
        port.post(job, args.transfer);
      },
      hold(busy) {
        if (busy === held) return;
        held = busy;
        if (busy) worker.ref();
        else worker.unref();
      },
      close: () => void worker.terminate(),
      kill: () => void worker.terminate(),
    };
  }
}
