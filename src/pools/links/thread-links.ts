import { MessageChannel } from "node:worker_threads";
import { ArgumentTypeError } from "../../errors/index.js";
import { type Heap, RECORD, threadHeap } from "../../memory/index.js";
import { exitStatus } from "../../workers/completion.js";
import { Lane } from "../../workers/lane.js";
import { type OpenThread, openThread, type ThreadFactory } from "../../workers/open-thread.js";
import type { Agenda } from "../agenda.js";
import type { WorkerEnd } from "../link.js";
import type { PoolSettings } from "../pool-options.js";
import { laneKind } from "./lane-links.js";
import type { Named, StartedWorker } from "./started-worker.js";

/** Links to threads. */
export const threadLinks = laneKind({
  boundary: "threads",
  get heap(): Heap {
    return threadHeap();
  },
  check({ worker }: PoolSettings): void {
    if (worker !== undefined && typeof worker !== "function")
      throw new ArgumentTypeError(
        `options.worker of a ThreadPool must be a function, (options) => new Worker(new URL("./worker.js", import.meta.url), options), got ${typeof worker}`,
      );
  },
  start(
    { name, number }: Named,
    laneAt: number,
    { resourceLimits, environment, worker: factory }: PoolSettings,
    _agenda: Agenda,
    ended: (end: WorkerEnd) => void,
  ): StartedWorker {
    const { port1, port2 } = new MessageChannel();
    const opened = openThread(
      {
        kind: "pool",
        isBundled: factory !== undefined,
        heap: threadHeap().buffers,
        name,
        slot: number,
        laneAt,
        port: port2,
      },
      environment,
      [port2],
      resourceLimits.heap === undefined ? {} : { maxOldGenerationSizeMb: resourceLimits.heap },
      factory as ThreadFactory | undefined,
    );
    const { worker } = opened;
    const lane = new Lane(threadHeap(), laneAt);
    let cause: unknown;
    let isKilled = false;
    let hasEnded = false;
    const end = (exitCode: number, outOfMemory: boolean) => {
      if (hasEnded) return;
      hasEnded = true;
      ended({ exitCode, signal: undefined, cause, outOfMemory });
    };
    worker.unref();
    port1.unref();
    worker.on("error", (error) => {
      cause = error;
    });
    worker.on("exit", (exitCode) => {
      end(exitStatus(exitCode), (cause as { code?: unknown } | undefined)?.code === "ERR_WORKER_OUT_OF_MEMORY");
      port1.close();
    });
    return {
      pid: process.pid,
      threadId: worker.threadId,
      port: port1,
      order: (order) => port1.postMessage(order),
      isOrdered: true,
      noticeEnd() {
        if (hasEnded || !isGone(lane, opened)) return;
        const { exitCode } = lane;
        // Only V8, which has run out of memory, ends a thread without a word that nobody has killed.
        end(exitCode ?? 1, exitCode === undefined && lane.worker !== 0 && !isKilled);
      },
      hold: (alive) => (alive ? worker.ref() : worker.unref()),
      kill(killGrace, givenUp) {
        isKilled = true;
        opened.terminate(killGrace, givenUp);
      },
    };
  },
});

/**
 * By the kernel's word, or the registry's where there is no other. A lane that was written over may name somebody else.
 */
function isGone({ heap: { registry, words }, worker }: Lane, opened: OpenThread): boolean {
  const record = registry.recordOf(worker);
  const isIts = worker !== 0 && opened.runsAs(words[record + RECORD.pid]!, words[record + RECORD.tid]!);
  return isIts ? !registry.confirmAlive(worker) : opened.isGone;
}
