import type { Socket } from "node:net";
import { ArgumentTypeError } from "../../errors/index.js";
import { type Heap, processHeap } from "../../memory/index.js";
import { Child } from "../../workers/child.js";
import { Lane } from "../../workers/lane.js";
import { lineOf } from "../../workers/orders.js";
import { ordersOf, releaseChild, spawnChild } from "../../workers/spawn-child.js";
import type { Agenda } from "../agenda.js";
import type { WorkerEnd } from "../link.js";
import type { PoolSettings } from "../pool-options.js";
import { laneKind } from "./lane-links.js";
import { watchResidentSet } from "./resident-set.js";
import type { Named, StartedWorker } from "./started-worker.js";

/** Links to processes. */
export const processLinks = laneKind({
  boundary: "processes",
  get heap(): Heap {
    return processHeap();
  },
  check({ worker }: PoolSettings): void {
    if (worker !== undefined && typeof worker !== "string")
      throw new ArgumentTypeError(
        `options.worker of a ProcessPool must be the URL or path of a file, got ${typeof worker}`,
      );
  },
  start(
    { name, number }: Named,
    laneAt: number,
    { resourceLimits: limits, environment, worker: file }: PoolSettings,
    agenda: Agenda,
    ended: (end: WorkerEnd) => void,
  ): StartedWorker {
    const nodeOptions = limits.heap === undefined ? [] : [`--max-old-space-size=${limits.heap}`];
    const heap = processHeap();
    const lane = new Lane(heap, laneAt);
    const orders: string[] = [];
    let line: Socket | null | undefined;
    const spawn = () => {
      const child = spawnChild(
        { kind: "pool", heapId: heap.id, name, slot: number, url: "", task: "", place: laneAt },
        environment,
        nodeOptions,
        file as string | undefined,
      );
      line = ordersOf(child);
      // One that takes the place of another has heard none of them.
      for (const order of orders) line?.write(lineOf(order));
      return child;
    };
    const child = new Child(spawn, {
      hasBegun: () => lane.worker !== 0,
      ended(exitCode, signal, cause) {
        watch?.stop();
        // V8 that runs out of its heap aborts the process.
        const outOfMemory = watch?.isExceeded === true || (limits.heap !== undefined && signal === "SIGABRT");
        ended({ exitCode, signal, cause, outOfMemory });
      },
    });
    child.hold(false);
    const watch =
      limits.rss === undefined
        ? undefined
        : watchResidentSet(
            agenda,
            () => child.pid,
            limits.rss,
            () => child.end("SIGKILL"),
          );
    return {
      get pid() {
        return child.pid;
      },
      threadId: 0,
      port: undefined,
      order(order) {
        if (lane.worker === 0) orders.push(order);
        line?.write(lineOf(order));
      },
      // What the socket does not take at once the loop writes later.
      get isOrdered() {
        return (line?.writableLength ?? 0) === 0;
      },
      noticeEnd: () => child.noticeEnd(releaseChild),
      hold: (alive) => child.hold(alive),
      // A process takes it at any moment.
      kill: () => child.end("SIGKILL"),
    };
  },
});
