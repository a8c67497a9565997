/** What a thread does from its start, whether started by `Thread` or by a pool. */
import { decode, encode, encodeError, type Message } from "../../codec/index.js";
import { adoptThreadHeap } from "../../memory/index.js";
import { Completion, RETURNED, THREW } from "../completion.js";
import { JobService } from "../job-service.js";
import { Lane } from "../lane.js";
import { printDirectly } from "../output.js";
import { runStartHooks } from "../start-hook.js";
import { runTask } from "../task-run.js";
import type { PoolThreadStart, ThreadResult, ThreadStart } from "../thread.js";
import { workerState } from "../worker-state.js";

export function runThread(start: ThreadStart | PoolThreadStart): void {
  workerState.name = start.name;
  workerState.model = "thread";
  workerState.isBundled = start.kind === "pool" && start.isBundled;
  printDirectly();
  const heap = adoptThreadHeap(start.heap);
  runStartHooks();

  if (start.kind === "pool") {
    const lane = new Lane(heap, start.laneAt);
    lane.begin();
    void new JobService(lane, "threads", start.port, (code) => process.exit(code)).run();
  } else {
    const { url, task, args, attachments, port } = start;
    const completion = new Completion(heap, start.completionAt);
    completion.begin();
    void runTask({
      url,
      task,
      completion,
      exit: (code) => process.exit(code),
      decodeArgs: () => (args === undefined ? completion.takeArgs(attachments) : decode(args, 0, args.length, attachments)),
      deliver(state, value) {
        const options = { to: "threads", root: "result", attach: true } as const;
        let message: Message;
        try {
          message = state === RETURNED ? encode(value, options) : encodeError(value, options);
        } catch (error) {
          state = THREW;
          message = encodeError(error, options);
        }
        const result: ThreadResult = { bytes: message.toBytes(), attachments: message.attachments };
        // Sent before the state is set: whoever sees the state finds the result in the port.
        port.postMessage(result, [result.bytes.buffer as ArrayBuffer, ...(message.transfer as ArrayBuffer[])]);
        completion.finish(state);
      },
    });
  }
}
