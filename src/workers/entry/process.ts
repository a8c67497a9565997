/** What a child process does, whether started by `Process` or by a pool. */
import { encode, encodeError, type Message, setMainProgram } from "../../codec/index.js";
import { adoptProcessHeap, readoptProcessHeap } from "../../memory/index.js";
import { processPlatform, useBinding } from "../../platform/index.js";
import { hasChildren } from "../children.js";
import { Completion, RETURNED, THREW } from "../completion.js";
import { outliveGroupSignals } from "../group-signals.js";
import { Lane } from "../lane.js";
import { Orders } from "../orders.js";
import { printDirectlyOnceUsed, writeFully } from "../output.js";
import {
  HEAP_DESCRIPTOR,
  LIFELINE_DESCRIPTOR,
  ORDERS_DESCRIPTOR,
  type ProcessStart,
  type ProcessWork,
} from "../process-start.js";
import { runStartHooks } from "../start-hook.js";
import { TaskRun } from "../task-run.js";
import { serviceOf, type WideService } from "../wide-service.js";
import { workerState } from "../worker-state.js";
import { SpareDuty } from "./spare.js";
import type { WorkerDuty } from "./work.js";

const READ_BYTES = 16_384;
const EMPTY_MODULE = "data:text/javascript,";

/**
 * Ends the process once its work is delivered. Not by `process.exit()`: in Node 24 it may wait for ever, for a compiler
 * thread of V8 that itself waits for this thread to collect garbage.
 */
function exit(code: number): void {
  // Coverage is written by the proper way out.
  if (process.env.NODE_V8_COVERAGE !== undefined) process.exit(code);
  process.emit("exit", code);
  processPlatform().exit(code);
}

/** Its pool is told, and gives it to the running call or to the uncaught hook. */
function endOfUncaught(error: unknown, service: Pick<WideService, "crash">): void {
  // A task's own handler decides.
  if (process.listenerCount("uncaughtException") > 1) return;
  try {
    service.crash(error);
  } catch {
    // There is no memory to tell it in. Node itself would write it by the C library, which gives up where the pipe is
    // full.
    const { inspect } = process.getBuiltinModule("node:util");
    writeFully(2, Buffer.from(`Uncaught error in ${workerState.name}: ${inspect(error)}\n`));
  }
  exit(1);
}

export function beginProcess(start: ProcessStart): WorkerDuty {
  setMainProgram(start.program);
  printDirectlyOnceUsed();
  useBinding(start.binding);
  const system = processPlatform();
  // A parent that was gone before this closed its end unheard. Nobody is left to tell the exit code.
  if (!system.lifeline.dieWhenClosed(LIFELINE_DESCRIPTOR) || process.ppid !== start.parent) system.exit(1);
  // A task that calls `process.exit()` takes the same way out, after the same `exit` handlers.
  if (process.env.NODE_V8_COVERAGE === undefined)
    (process as unknown as { reallyExit(code?: number): void }).reallyExit = (code = 0) => system.exit(code);
  const heap = adoptProcessHeap(HEAP_DESCRIPTOR, start.heapId);
  let completion: Completion | undefined;
  outliveGroupSignals(() => completion?.isAskedToEnd === true);
  const begin = ({ url, task, place }: ProcessWork) => {
    runStartHooks();
    completion = new Completion(heap, place);
    return beginTask(url, task, completion);
  };
  if (start.kind === "spare")
    return new SpareDuty(
      workOfSpare,
      (work) => {
        readoptProcessHeap(heap);
        return begin(work);
      },
      exit,
    );
  if (start.kind === "task") return begin(start);
  runStartHooks();
  const lane = new Lane(heap, start.place);
  lane.begin();
  system.handOver.neverBlock(ORDERS_DESCRIPTOR);
  const service = serviceOf(lane, "processes", undefined, exit, new Orders(ORDERS_DESCRIPTOR));
  process.on("uncaughtException", (error) => endOfUncaught(error, service));
  return service;
}

/** The work of a process that was started ahead: one line, from the socket of orders. */
async function workOfSpare(): Promise<ProcessWork> {
  const { closeSync, read } = process.getBuiltinModule("node:fs");
  // The first import takes a few milliseconds more than the others: so it is not the task's module.
  await import(/* webpackIgnore: true */ /* @vite-ignore */ EMPTY_MODULE).catch(() => {});
  const bytes = Buffer.allocUnsafe(READ_BYTES);
  for (let line = ""; ; ) {
    const count = await new Promise<number>((resolve, reject) =>
      read(ORDERS_DESCRIPTOR, bytes, (error, count) => (error ? reject(error) : resolve(count))),
    );
    // Its starter has no more use for it.
    if (count === 0) exit(0);
    line += bytes.toString("latin1", 0, count);
    if (!line.endsWith("\n")) continue;
    closeSync(ORDERS_DESCRIPTOR);
    return JSON.parse(decodeURIComponent(line)) as ProcessWork;
  }
}

function beginTask(url: string, task: string, completion: Completion): WorkerDuty {
  completion.begin();
  return new TaskRun({
    url,
    task,
    completion,
    exit,
    decodeArgs: () => completion.takeArgs(),
    deliver(state, value) {
      const options = { to: "processes", root: "result", marks: "drop" } as const;
      let message: Message;
      try {
        message = state === RETURNED ? encode(value, options) : encodeError(value, options);
      } catch (error) {
        state = THREW;
        message = encodeError(error, options);
      }
      completion.finish(state, message, hasChildren());
    },
  });
}
