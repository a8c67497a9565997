import { MessageChannel, Worker } from "node:worker_threads";
import { WorkerDiedError } from "../errors/index.js";
import { bare, createThreadHeap } from "../memory/index.js";
import { checkPermission, THREADS } from "../platform/index.js";
import { nodeOptions } from "../workers/node-options.js";
import type { TaskIdentity } from "../workers/task.js";
import { CONTROL, ControlBlock } from "./control-block.js";
import type { ScheduleBounds, RunnerNews, RunnerStart } from "./schedule-runner.js";
import type { ProgramWorkerStart } from "./program-worker.js";

/** The condition under which the library asks a scheduler before each operation. */
const CONDITION = "--conditions=allcores-explored";
/** How many sets of threads wait for an exploration: as many as are usually under way at a time. */
const MOST_RESTING = 2;

export type ThreadRole = "runner" | "worker";

/** What is explored, as the threads are told. */
export interface ExploredProgram {
  readonly setup: TaskIdentity;
  readonly workers: readonly TaskIdentity[];
  readonly check: TaskIdentity | undefined;
  readonly bounds: ScheduleBounds;
}

/**
 * The threads of an exploration, the schedule runner's and the controlled ones, with their control block and their
 * heap. Starting them costs more than most explorations, the library being loaded and compiled in each: so a set of
 * threads whose exploration found no failure is kept for the next one. After a failure its threads end, since what
 * unwound may have left state in the program's modules.
 */
export class ExplorationThreads {
  static readonly #resting: ExplorationThreads[] = [];

  /** One that rests, or a new one. */
  static take(): ExplorationThreads {
    return ExplorationThreads.#resting.pop() ?? new ExplorationThreads();
  }

  readonly #block = ControlBlock.create();
  readonly #heap = createThreadHeap();
  readonly #threads: Worker[] = [];
  #fail: ((error: unknown) => void) | undefined;
  #hear: ((news: RunnerNews) => void) | undefined;

  private constructor() {
    this.#open("runner", "runner");
  }

  /** Begins; `hear` is told what the runner says, `fail` what ends the exploration early. */
  begin(
    { setup, workers, check, bounds }: ExploredProgram,
    hear: (news: RunnerNews) => void,
    fail: (error: unknown) => void,
  ): void {
    this.#hear = hear;
    this.#fail = fail;
    this.#block.words[CONTROL.threads] = workers.length;
    const control = this.#block.buffers;
    const heap = this.#heap;
    const ports = workers.map((task, index) => {
      const { port1, port2 } = new MessageChannel();
      const thread = this.#threads[1 + index] ?? this.#open("worker", `thread ${index}`);
      thread.postMessage({ index, control, heap, task, port: port1 } satisfies ProgramWorkerStart, [port1]);
      return port2;
    });
    this.#threads[0]!.postMessage({ control, heap, ports, setup, check, bounds } satisfies RunnerStart, ports);
    for (const thread of this.#threads) thread.ref();
  }

  /** The exploration is over, and left nothing behind. */
  rest(): void {
    this.#hear = undefined;
    this.#fail = undefined;
    if (ExplorationThreads.#resting.length >= MOST_RESTING) {
      void this.end();
      return;
    }
    for (const thread of this.#threads) thread.unref();
    ExplorationThreads.#resting.push(this);
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
    thread.on("message", (news: RunnerNews) => this.#hear?.(news));
    thread.on("error", (error) => this.#lost(error));
    thread.on("exit", (code) => {
      if (code !== 0)
        this.#lost(
          new WorkerDiedError(`a worker of the explored program ended the thread with exit code ${code}`, {
            exitCode: code,
          }),
        );
    });
    return thread;
  }

  #lost(error: unknown): void {
    const at = ExplorationThreads.#resting.indexOf(this);
    if (at >= 0) {
      ExplorationThreads.#resting.splice(at, 1);
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
