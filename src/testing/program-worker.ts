/**
 * One worker of the explored program in its thread: it runs the worker's task, once an execution. A thread that is kept
 * runs another worker's task in the next exploration.
 */
import { isError } from "../errors/index.js";
import type { MessagePort } from "node:worker_threads";
import { isThenable } from "../sync/thenable.js";
import { decode } from "../codec/index.js";
import { control } from "../platform/controlled-atomics.js";
import { renewThreadHeap, setRealImmediate, type ThreadHeapBuffers } from "../memory/index.js";
import { loadTask } from "../workers/task-module.js";
import type { TaskIdentity } from "../workers/task.js";
import { CONTROL, ControlBlock, type ControlBuffers } from "./control-block.js";
import { ControlledThread } from "./controlled-thread.js";
import { VirtualClock } from "./virtual-clock.js";

/** One exploration, as a controlled thread begins it. Index, control block and heap stay the thread's. */
export interface ProgramWorkerStart {
  readonly index: number;
  readonly control: ControlBuffers;
  readonly heap: ThreadHeapBuffers;
  readonly task: TaskIdentity;
  /** Where the runner hears of this thread. */
  readonly port: MessagePort;
}

/** What a controlled thread tells the runner at the end of an execution. */
export interface WorkerNews {
  readonly error?: { readonly name: string; readonly message: string; readonly stack: string } | undefined;
  readonly stacks?: ReadonlyMap<number, string> | undefined;
}

/** The platform's, taken before the clock stands in its place. */
const nextTurn = setRealImmediate;
const turn = () => new Promise<void>((resolve) => nextTurn(resolve));

let own: ProgramWorker | undefined;

/** One exploration after the other, always as the same thread. */
export function runWorker(start: ProgramWorkerStart): Promise<void> {
  own ??= new ProgramWorker(start);
  return own.run(start);
}

class ProgramWorker {
  readonly #block: ControlBlock;
  readonly #thread: ControlledThread;
  readonly #clock: VirtualClock;
  /** What came out of a promise or a callback that nobody looks after. */
  #escaped: { error: unknown } | undefined;

  constructor({ index, control: buffers }: ProgramWorkerStart) {
    this.#block = new ControlBlock(buffers);
    this.#thread = new ControlledThread(this.#block, index);
    this.#clock = new VirtualClock(this.#thread);
    control(this.#thread);
    this.#clock.install();
    process.setSourceMapsEnabled(true);
    const waitRecord = (error: unknown) => {
      if (!this.#thread.isOver) this.#escaped ??= { error };
    };
    process.on("unhandledRejection", waitRecord);
    process.on("uncaughtException", waitRecord);
  }

  async run({ index, heap, task, port }: ProgramWorkerStart): Promise<void> {
    const block = this.#block;
    const thread = this.#thread;
    // The last exploration's end unwound whatever still touched memory; what a module does while it is loaded is not of
    // that one.
    thread.prepare(heap.control);
    const fn = await loadTask(task.url, task.name);
    port.postMessage("ready");

    for (;;) {
      thread.awaitTurn();
      if (block.words[CONTROL.unwind] === 2) {
        thread.leave();
        break;
      }
      let news: WorkerNews = {};
      this.#escaped = undefined;
      thread.prepare(heap.control);
      this.#clock.restart();
      try {
        const own = renewThreadHeap(heap);
        void own.record;
        const place = block.messageFor(index);
        const length = place.getInt32(0);
        const shared = decode(new Uint8Array(place.buffer, place.byteOffset + 4, length), 0, length);
        thread.begin();
        const result = fn(...task.bound, shared, index);
        if (isThenable(result)) await this.#settle(result);
        this.#throwEscaped();
      } catch (error) {
        // Once it is over, whatever comes out is what became of the unwinding.
        if (!thread.isOver) news = { error: described(error) };
      }
      if (block.words[CONTROL.traced] === 1) news = { ...news, stacks: new Map(thread.stacks) };
      if (news.error !== undefined || news.stacks !== undefined) port.postMessage(news);
      thread.end(news.error !== undefined);
    }
    port.close();
  }

  #throwEscaped(): void {
    if (this.#escaped !== undefined) throw this.#escaped.error;
  }

  /** Turns the loop until the promise is settled, or the thread's execution is over. */
  async #settle(promise: PromiseLike<unknown>): Promise<void> {
    let settled = false;
    let failure: { error: unknown } | undefined;
    promise.then(
      () => {
        settled = true;
      },
      (error: unknown) => {
        settled = true;
        failure = { error };
      },
    );
    for (;;) {
      // Every microtask has run by then: the loop has nothing to do before its next event.
      await turn();
      if (settled || this.#thread.isOver || this.#escaped !== undefined) break;
      this.#thread.turnLoop(this.#clock);
    }
    if (failure !== undefined) throw failure.error;
  }
}

/** An error as text: what crosses from thread to thread whatever it is. */
export function described(error: unknown): { name: string; message: string; stack: string } {
  if (isError(error)) return { name: error.name, message: error.message, stack: String(error.stack) };
  return { name: "Error", message: `${String(error)} was thrown, which is no Error`, stack: "" };
}
