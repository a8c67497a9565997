/** What a thread does, whether started by `Thread` or by a pool. */
import { decode, encode, encodeError, type Message, setMainProgram } from "../../codec/index.js";
import { adoptThreadHeap } from "../../memory/index.js";
import { hasChildren } from "../children.js";
import { Completion, exitStatus, RETURNED, THREW } from "../completion.js";
import { JobService } from "../job-service.js";
import { Lane } from "../lane.js";
import { passGate } from "../load-gate.js";
import { printDirectly } from "../output.js";
import { runStartHooks } from "../start-hook.js";
import { TaskRun } from "../task-run.js";
import type { PoolThreadStart, ThreadResult, ThreadStart } from "../thread.js";
import type { WorkerDuty } from "./work.js";

/** Where the task itself listens for it, it is no end. */
function tellUncaught(error: unknown, service: JobService): void {
  if (process.listenerCount("uncaughtException") > 0) return;
  try {
    service.crash(error);
  } catch {
    // There is no memory to tell it in: the platform does, once the pool's loop turns.
  }
}

export function beginThread(start: ThreadStart | PoolThreadStart): WorkerDuty {
  passGate(start.gate);
  setMainProgram(start.program);
  printDirectly();
  const heap = adoptThreadHeap(start.heap);
  runStartHooks();

  if (start.kind === "pool") {
    const lane = new Lane(heap, start.laneAt);
    lane.begin();
    const service = new JobService(lane, "threads", start.port, (code) => process.exit(code));
    // A pool whose thread is blocked does not hear of the end by the platform.
    process.on("uncaughtExceptionMonitor", (error) => tellUncaught(error, service));
    process.on("exit", (code) => {
      lane.exitCode = exitStatus(code);
    });
    return service;
  }
  const { url, task, args, attachments, port } = start;
  const completion = new Completion(heap, start.completionAt);
  completion.begin();
  return new TaskRun({
    url,
    task,
    completion,
    exit: (code) => process.exit(code),
    decodeArgs: () => (args === undefined ? completion.takeArgs(attachments) : decode(args, 0, args.length, attachments)),
    deliver(state, value) {
      const options = { to: "threads", root: "result", attach: true, marks: "move" } as const;
      let message: Message;
      try {
        message = state === RETURNED ? encode(value, options) : encodeError(value, options);
      } catch (error) {
        state = THREW;
        message = encodeError(error, options);
      }
      const result: ThreadResult = { bytes: message.toBytes(), attachments: message.attachments };
      // Sent before the state is set: a reader that sees the state finds the result in the port.
      port.postMessage(result, [result.bytes.buffer as ArrayBuffer, ...(message.transfer as ArrayBuffer[])]);
      completion.finish(state, undefined, hasChildren());
    },
  });
}
