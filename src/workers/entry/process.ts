/** What a child process does from its start, whether started by `Process` or by a pool. */
import type { Queue } from "../../channels/queue.js";
import { encode, encodeError, type Message } from "../../codec/index.js";
import { readMessage, storeMessage } from "../../codec/stored-message.js";
import { adoptProcessHeap, platform } from "../../memory/index.js";
import { Completion, RETURNED, THREW } from "../completion.js";
import { runJob } from "../job-run.js";
import { HEAP_DESCRIPTOR, LIFELINE_DESCRIPTOR, type ProcessStart } from "../process.js";
import { runTask } from "../task-run.js";
import { workerState } from "../worker-state.js";

/** What a pool sends for each job, and gets back; `block` holds the stored arguments, or the result. */
export type ProcessJob = [id: number, url: string, task: string, block: number];
export type ProcessJobResult = [id: number, state: number, block: number];

/**
 * Ends the process once its work is delivered. Not by `process.exit()`: in Node 24 it may wait for ever, for a compiler thread of V8 that itself waits for this thread
 * to collect garbage.
 */
function exit(code: number): void {
  // Coverage is written by the proper way out.
  if (process.env.NODE_V8_COVERAGE !== undefined) process.exit(code);
  process.emit("exit", code);
  platform().exit(code);
}

export async function runProcess(start: ProcessStart): Promise<void> {
  workerState.name = start.name;
  workerState.model = "process";
  platform().dieWhenClosed(LIFELINE_DESCRIPTOR);
  // A parent that was gone before the line above closed its end unheard.
  if (process.ppid !== start.parent) process.exit(1);
  const heap = adoptProcessHeap(HEAP_DESCRIPTOR, start.heapId);
  const completion = new Completion(heap, start.completionAt);
  completion.begin();

  if (start.kind === "pool") {
    const [jobs, results] = completion.takeArgs() as [Queue<ProcessJob>, Queue<ProcessJobResult>];
    for await (const [id, url, task, block] of jobs) {
      heap.allocator.adopt(block);
      const args = () => {
        const value = readMessage(heap, block);
        heap.allocator.free(block);
        return value;
      };
      await runJob(url, task, args, "processes", (state, message) => {
        const stored = storeMessage(heap, message);
        message.release();
        // From here on it is the pool's: a death before the put leaks it until the program ends.
        heap.allocator.publish(stored);
        results.putSync([id, state, stored]);
      });
    }
    exit(0);
  } else {
    await runTask({
      url: start.url,
      task: start.task,
      completion,
      exit,
      decodeArgs: () => completion.takeArgs(),
      deliver(state, value) {
        const options = { to: "processes", root: "result" } as const;
        let message: Message;
        try {
          message = state === RETURNED ? encode(value, options) : encodeError(value, options);
        } catch (error) {
          state = THREW;
          message = encodeError(error, options);
        }
        completion.finish(state, message);
      },
    });
  }
}
