/** What a thread does, whether started by `Thread` or by a pool. */
import type { MessagePort } from "node:worker_threads";
import { decode, encode, encodeError, type Message, setMainProgram } from "../../codec/index.js";
import { adoptThreadHeap, type Heap, type ThreadHeapBuffers } from "../../memory/index.js";
import { hasChildren } from "../children.js";
import { Completion, exitStatus, RETURNED, THREW } from "../completion.js";
import { Lane } from "../lane.js";
import { passGate } from "../load-gate.js";
import type { AnyStart, ThreadResult, ThreadWork } from "../open-thread.js";
import { printDirectly } from "../output.js";
import { runStartHooks } from "../start-hook.js";
import { TaskRun } from "../task-run.js";
import { SpareDuty } from "./spare.js";
import { serviceOf, type WideService } from "../wide-service.js";
import type { WorkerDuty } from "./work.js";

/** Where the task itself listens for it, it is no end. */
function tellUncaught(error: unknown, service: Pick<WideService, "crash">): void {
  if (process.listenerCount("uncaughtException") > 0) return;
  try {
    service.crash(error);
  } catch {
    // There is no memory to tell it in: the platform does, once the pool's loop turns.
  }
}

export function beginThread(start: AnyStart): WorkerDuty {
  passGate(start.gate);
  setMainProgram(start.program);
  printDirectly();
  const { port } = start;
  if (start.kind === "spare") {
    const work = () => new Promise<ThreadWork>((resolve) => port.once("message", resolve));
    return new SpareDuty(work, (work) => beginTask(work, port), exit);
  }
  if (start.kind === "task") return beginTask(start, port);
  const heap = enter(start.heap);
  const lane = new Lane(heap, start.laneAt);
  lane.begin();
  const service = serviceOf(lane, "threads", port, exit);
  // A pool whose thread is blocked does not hear of the end by the platform.
  process.on("uncaughtExceptionMonitor", (error) => tellUncaught(error, service));
  process.on("exit", (code) => {
    lane.exitCode = exitStatus(code);
  });
  return service;
}

function exit(code: number): void {
  process.exit(code);
}

function enter(buffers: ThreadHeapBuffers): Heap {
  const heap = adoptThreadHeap(buffers);
  runStartHooks();
  return heap;
}

/** `port`: where the result goes. */
function beginTask(work: ThreadWork, port: MessagePort): WorkerDuty {
  const completion = new Completion(enter(work.heap), work.completionAt);
  completion.begin();
  const { url, task, args, attachments } = work;
  return new TaskRun({
    url,
    task,
    completion,
    exit,
    decodeArgs: () =>
      args === undefined ? completion.takeArgs(attachments) : decode(args, 0, args.length, attachments),
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
