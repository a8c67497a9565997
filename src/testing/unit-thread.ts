/** What the thread of a unit does: it runs its worker's task, once an execution, and, if the thread is kept, another worker's in the next exploration. */
import type { MessagePort } from "node:worker_threads";
import { isThenable } from "../sync/thenable.js";
import { decode } from "../codec/index.js";
import { control } from "../platform/controlled-atomics.js";
import { renewThreadHeap, type ThreadHeapBuffers } from "../memory/index.js";
import { loadTask } from "../workers/task-module.js";
import type { TaskIdentity } from "../workers/task.js";
import { CONTROL, ControlBlock, type ControlBuffers } from "./control-block.js";
import { Unit } from "./unit.js";
import { VirtualClock } from "./virtual-clock.js";

/** One exploration, as a unit begins it. Index, control block and heap are the thread's for good. */
export interface UnitStart {
  readonly index: number;
  readonly control: ControlBuffers;
  readonly heap: ThreadHeapBuffers;
  readonly task: TaskIdentity;
  /** Where the stage hears of this unit. */
  readonly port: MessagePort;
}

/** What a unit tells the stage at the end of an execution. */
export interface UnitNews {
  readonly error?: { readonly name: string; readonly message: string; readonly stack: string } | undefined;
  readonly stacks?: ReadonlyMap<number, string> | undefined;
}

/** The platform's, taken before the clock stands in its place. */
const nextTurn = setImmediate;
const turn = () => new Promise<void>((resolve) => nextTurn(resolve));

let own: UnitThread | undefined;

/** One exploration after the other, always as the same unit. */
export function runUnit(start: UnitStart): Promise<void> {
  own ??= new UnitThread(start);
  return own.run(start);
}

class UnitThread {
  readonly #block: ControlBlock;
  readonly #unit: Unit;
  readonly #clock: VirtualClock;
  /** What came out of a promise or a callback that nobody looks after. */
  #escaped: { error: unknown } | undefined;

  constructor({ index, control: buffers }: UnitStart) {
    this.#block = new ControlBlock(buffers);
    this.#unit = new Unit(this.#block, index);
    this.#clock = new VirtualClock(this.#unit);
    control(this.#unit);
    this.#clock.install();
    process.setSourceMapsEnabled(true);
    const notice = (error: unknown) => {
      if (!this.#unit.isOver) this.#escaped ??= { error };
    };
    process.on("unhandledRejection", notice);
    process.on("uncaughtException", notice);
  }

  async run({ index, heap, task, port }: UnitStart): Promise<void> {
    const block = this.#block;
    const unit = this.#unit;
    // The last exploration's end unwound whatever still touched memory; what a module does while it is loaded is not of that one.
    unit.prepare(heap.control);
    const fn = await loadTask(task.url, task.name);
    port.postMessage("ready");

    for (;;) {
      unit.awaitTurn();
      if (block.words[CONTROL.unwind] === 2) {
        unit.leave();
        break;
      }
      let news: UnitNews = {};
      this.#escaped = undefined;
      unit.prepare(heap.control);
      this.#clock.restart();
      try {
        const own = renewThreadHeap(heap);
        void own.record;
        const parcel = block.parcel(index);
        const length = parcel.getInt32(0);
        const shared = decode(new Uint8Array(parcel.buffer, parcel.byteOffset + 4, length), 0, length);
        unit.begin();
        const result = fn(...task.bound, shared, index);
        if (isThenable(result)) await this.#settle(result);
        this.#throwEscaped();
      } catch (error) {
        // Once it is over, whatever comes out is what became of the unwinding.
        if (!unit.isOver) news = { error: described(error) };
      }
      if (block.words[CONTROL.traced] === 1) news = { ...news, stacks: new Map(unit.stacks) };
      if (news.error !== undefined || news.stacks !== undefined) port.postMessage(news);
      unit.end(news.error !== undefined);
    }
    port.close();
  }

  #throwEscaped(): void {
    if (this.#escaped !== undefined) throw this.#escaped.error;
  }

  /** Turns the loop until the promise is settled, or the unit's execution is over. */
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
      if (settled || this.#unit.isOver || this.#escaped !== undefined) break;
      this.#unit.turnLoop(this.#clock);
    }
    if (failure !== undefined) throw failure.error;
  }
}

/** An error as text: what crosses from thread to thread whatever it is. */
export function described(error: unknown): { name: string; message: string; stack: string } {
  if (error instanceof Error) return { name: error.name, message: error.message, stack: String(error.stack) };
  return { name: "Error", message: `${String(error)} was thrown, which is no Error`, stack: "" };
}
