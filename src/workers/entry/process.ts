/** Runs first inside a process started by `Process`. */
import { encode, encodeError } from "../../codec/index.js";
import { adoptProcessHeap, platform } from "../../memory/index.js";
import { Completion, RETURNED, THREW } from "../completion.js";
import { HEAP_DESCRIPTOR, LIFELINE_DESCRIPTOR, type ProcessStart } from "../process.js";
import { runTask } from "../task-run.js";
import { workerState } from "../worker-state.js";

const start = JSON.parse(process.argv.pop()!) as ProcessStart;
workerState.name = start.name;
workerState.model = "process";
process.title = `node allcores ${start.name}`;
platform().dieWhenClosed(LIFELINE_DESCRIPTOR);
const completion = new Completion(adoptProcessHeap(HEAP_DESCRIPTOR, start.heapId), start.completionAt);
completion.begin();

await runTask({
  url: start.url,
  task: start.task,
  completion,
  decodeArgs: () => completion.takeArgs(),
  deliver(state, value) {
    const options = { to: "processes", root: "result" } as const;
    let message: ReturnType<typeof encode>;
    try {
      message = state === RETURNED ? encode(value, options) : encodeError(value, options);
    } catch (error) {
      state = THREW;
      message = encodeError(error, options);
      completion.exitCode = 1;
    }
    completion.finish(state, message);
  },
});
