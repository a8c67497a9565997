/** Runs first inside a thread started by `Thread`. */
import { workerData } from "node:worker_threads";
import { decode, encode, encodeError } from "../../codec/index.js";
import { adoptThreadHeap } from "../../memory/index.js";
import { Completion, RETURNED, THREW } from "../completion.js";
import { printDirectly } from "../output.js";
import { runTask } from "../task-run.js";
import type { ThreadResult, ThreadStart } from "../thread.js";
import { workerState } from "../worker-state.js";

const start = workerData as ThreadStart;
workerState.name = start.name;
workerState.model = "thread";
printDirectly();
const completion = new Completion(adoptThreadHeap(start.heap), start.completionAt);
completion.begin();

await runTask({
  url: start.url,
  task: start.task,
  completion,
  decodeArgs: () => decode(start.args, 0, start.args.length, start.attachments),
  deliver(state, value) {
    const options = { to: "threads", root: "result", attach: true } as const;
    let message: ReturnType<typeof encode>;
    try {
      message = state === RETURNED ? encode(value, options) : encodeError(value, options);
    } catch (error) {
      state = THREW;
      message = encodeError(error, options);
      completion.exitCode = 1;
    }
    const result: ThreadResult = { bytes: message.toBytes(), attachments: message.attachments };
    // Sent before the state is set: whoever sees the state finds the result in the port.
    start.port.postMessage(result, [result.bytes.buffer as ArrayBuffer, ...(message.transfer as ArrayBuffer[])]);
    completion.finish(state);
  },
});
