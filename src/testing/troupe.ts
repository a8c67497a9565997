import { MessageChannel, Worker } from "node:worker_threads";
import { WorkerDiedError } from "../errors/index.js";
import { bare, createThreadHeap } from "../memory/index.js";
import { checkPermission, THREADS } from "../platform/index.js";
import { nodeOptions } from "../workers/node-options.js";
import type { TaskIdentity } from "../workers/task.js";
import { CONTROL, ControlBlock } from "./control-block.js";
import type { StageBounds, StageNews, StageStart } from "./stage.js";
import type { UnitStart } from "./unit-thread.js";

/** The condition under which the library asks a scheduler before each operation. */
const CONDITION = "--conditions=allcores-explored";
/** How many troupes wait for an exploration: as many as are usually under way at a time. */
const MOST_RESTING = 2;

export type ThreadRole = "stage" | "unit";

/** What is explored, as the threads are told. */
export interface Play {
  readonly setup: TaskIdentity;
  readonly workers: readonly TaskIdentity[];
  readonly check: TaskIdentity | undefined;
  readonly bounds: StageBounds;
}

/**
 * The threads of an exploration, a stage and its units, with their control block and their heap. Starting them costs more than most explorations, the library being loaded
 * and compiled in each: so a troupe that came through one without a failure rests until the next. After a failure its threads end, since what unwound may have left
 * state in the program's modules.
 */
export class Troupe {
  static readonly #resting: Troupe[] = [];

  /** One that rests, or a new one. */
  static take(): Troupe {
    return Troupe.#resting.pop() ?? new Troupe();
  }

  readonly #block = ControlBlock.create();
  readonly #heap = createThreadHeap();
  readonly #threads: Worker[] = [];
  #fail: ((error: unknown) => void) | undefined;
  #hear: ((news: StageNews) => void) | undefined;

  private constructor() {
    this.#open("stage", "stage");
  }

  /** Begins; `hear` is told what the stage says, `fail` what ends the exploration early. */
  begin({ setup, workers, check, bounds }: Play, hear: (news: StageNews) => void, fail: (error: unknown) => void): void {
    this.#hear = hear;
    this.#fail = fail;
    this.#block.words[CONTROL.units] = workers.length;
    const control = this.#block.buffers;
    const heap = this.#heap;
    const ports = workers.map((task, index) => {
      const { port1, port2 } = new MessageChannel();
      const unit = this.#threads[1 + index] ?? this.#open("unit", `unit ${index}`);
      unit.postMessage({ index, control, heap, task, port: port1 } satisfies UnitStart, [port1]);
      return port2;
    });
    this.#threads[0]!.postMessage({ control, heap, ports, setup, check, bounds } satisfies StageStart, ports);
    for (const thread of this.#threads) thread.ref();
  }

  /** The exploration is over, and left nothing behind. */
  rest(): void {
    this.#hear = undefined;
    this.#fail = undefined;
    if (Troupe.#resting.length >= MOST_RESTING) {
      void this.end();
      return;
    }
    for (const thread of this.#threads) thread.unref();
    Troupe.#resting.push(this);
  }

  async end(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }

  #open(role: ThreadRole, name: string): Worker {
    checkPermission("a thread", [THREADS]);
    const thread = new Worker(
      new URL("./entry.js", import.meta.url),
      bare({
        workerData: { allcoresExploration: role },
        execArgv: [...inherited(), CONDITION],
        name,
      }),
    );
    this.#threads.push(thread);
    thread.on("message", (news: StageNews) => this.#hear?.(news));
    thread.on("error", (error) => this.#lost(error));
    thread.on("exit", (code) => {
      if (code !== 0) this.#lost(new WorkerDiedError(`a worker of the explored program ended the thread with exit code ${code}`, { exitCode: code }));
    });
    return thread;
  }

  #lost(error: unknown): void {
    const at = Troupe.#resting.indexOf(this);
    if (at >= 0) {
      Troupe.#resting.splice(at, 1);
      void this.end();
    }
    this.#fail?.(error);
  }
}

/** What of this program's options its threads need: conditions and loaders, not what only a main program may have. */
function inherited(): string[] {
  return nodeOptions()
    .filter(({ name }) => /^(-C|--conditions|--import|--loader|--enable-source-maps)$/.test(name))
    .flatMap(({ words }) => words);
}
