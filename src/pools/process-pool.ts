import { Queue } from "../channels/queue.js";
import { encode } from "../codec/index.js";
import { readMessage, storeMessage } from "../codec/stored-message.js";
import { HEADER, platform, processHeap } from "../memory/index.js";
import { Completion, RETURNED } from "../workers/completion.js";
import type { ProcessJob, ProcessJobResult } from "../workers/entry/process.js";
import { exitCodeOf, spawnChild } from "../workers/process.js";
import { Pool, type PoolOptions } from "./pool.js";
import type { PoolWorker, PoolWorkerEvents } from "./pool-worker.js";

/**
 * A pool of processes: CPU-bound work with a heap of its own for each worker, whose crash takes nothing else down. Needs Linux.
 *
 * Processes start with the first work that needs them and then wait for more; an idle pool does not keep the program alive, and no process outlives it.
 * **Death:** a process that is killed fails only the task in its hands, with `WorkerDiedError` and the signal, and is replaced.
 *
 * @example
 * ```ts
 * import { isMain, ProcessPool, task } from "allcores";
 * const square = task(import.meta, function square(n: number) {
 *   return n * n;
 * });
 * if (isMain(import.meta)) {
 *   await using pool = new ProcessPool({ workers: 2 });
 *   console.log(await pool.map(square, [1, 2, 3])); // [ 1, 4, 9 ]
 * }
 * ```
 */
export class ProcessPool extends Pool {
  protected readonly boundary = "processes";

  constructor(options?: PoolOptions) {
    // Said at once where there are no processes to be had, not with the first work.
    platform();
    super(options);
  }

  protected nextName(): string {
    return `PoolWorker-${processHeap().registry.nextName(HEADER.poolNames)}`;
  }

  protected open(name: string, events: PoolWorkerEvents): PoolWorker {
    const heap = processHeap();
    const jobs = new Queue<ProcessJob>({ across: "processes" });
    const results = new Queue<ProcessJobResult>({ across: "processes" });
    const completion = Completion.create(heap);
    heap.references.hold(completion.at, completion);
    completion.args = encode([jobs, results], { to: "processes" });
    const child = spawnChild({ kind: "pool", heapId: heap.id, name, url: "", task: "", completionAt: completion.at });
    child.unref();
    const deliver = ([id, state, block]: ProcessJobResult) => {
      let value: unknown;
      try {
        value = readMessage(heap, block);
      } catch (error) {
        events.threw(id, error);
        return;
      } finally {
        heap.allocator.free(block);
      }
      if (state === RETURNED) events.returned(id, value);
      else events.threw(id, value);
    };
    let inHand = 0;
    let listening = false;
    /** Awaits results only while there are some to come: a pending await keeps the program alive. */
    const listen = async () => {
      if (listening) return;
      listening = true;
      try {
        while (inHand > 0) {
          const result = await results.get();
          inHand--;
          deliver(result);
        }
      } catch {
        // Shut down by the worker's end: what it still had in hand fails there.
      } finally {
        listening = false;
      }
    };
    let over = false;
    const ended = (exitCode: number, signal: string | undefined, cause: unknown) => {
      if (over) return;
      over = true;
      if (completion.worker !== 0) heap.registry.declareDead(completion.worker);
      // What it had put is delivered: a committed result survives its sender.
      for (let result = results.tryGet(); result !== undefined; result = results.tryGet()) deliver(result.value);
      inHand = 0;
      // What it never took.
      for (; !jobs.isEmpty; ) heap.allocator.free(jobs.getSync()[3]);
      jobs.shutdown();
      results.shutdown();
      events.ended(exitCode, signal, cause);
      jobs.free();
      results.free();
      heap.references.drop(completion.at);
    };
    child.on("error", (error) => {
      if (child.pid === undefined) ended(1, undefined, error);
    });
    child.on("exit", (code, signal) => ended(exitCodeOf(code, signal), signal ?? undefined, undefined));
    return {
      name,
      send(id, { url, name: task }, args) {
        const block = storeMessage(heap, args);
        heap.allocator.publish(block);
        jobs.putSync([id, url, task, block]);
        inHand++;
        void listen();
      },
      hold: (busy) => (busy ? child.ref() : child.unref()),
      close: () => jobs.shutdown(),
      kill: () => void child.kill("SIGKILL"),
    };
  }
}
