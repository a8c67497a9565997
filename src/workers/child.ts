/**
 * A child process, or the one that takes its place: Node lets SIGTERM, SIGHUP and SIGINT end a process until the
 * library's code runs in it, some 50 ms after its start. A signal to the whole group in that time is none of the
 * child's business (group-signals.ts), and nothing has begun in it: so it is started anew.
 * Rejected: to start it with the signals ignored. Node resets what it inherits, once in the parent and once in the
 * child.
 */
import type { ChildProcess } from "node:child_process";
import { zombieExitCode } from "../platform/index.js";
import { ownGroupListeners } from "./group-signals.js";

/** A child that still dies so after so many starts is left dead. */
const MOST_STARTS = 8;

export interface ChildWatch {
  /** Whether the library's code has begun in it. */
  hasBegun(): boolean;
  /** Called once, when it has ended, or with `cause` could not be started. */
  ended(exitCode: number, signal: string | undefined, cause: unknown): void;
}

export class Child {
  #spawn: () => ChildProcess;
  #watch: ChildWatch;
  #process: ChildProcess;
  #starts = 1;
  #isHeld = true;
  /** Its end was asked for here. */
  #isEnding = false;
  #hasEnded = false;

  constructor(spawn: () => ChildProcess, watch: ChildWatch) {
    this.#spawn = spawn;
    this.#watch = watch;
    this.#process = spawn();
    this.#listen();
  }

  /** It was started ahead and is used now: who hears of it, and how one is made that takes its place. */
  passTo(spawn: () => ChildProcess, watch: ChildWatch): void {
    this.#spawn = spawn;
    this.#watch = watch;
  }

  /** The child as it is now. */
  get process(): ChildProcess {
    return this.#process;
  }

  /** Undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Whether it keeps the program alive. */
  hold(alive: boolean): void {
    this.#isHeld = alive;
    if (alive) this.#process.ref();
    else this.#process.unref();
  }

  end(signal: "SIGTERM" | "SIGKILL"): void {
    this.#isEnding = true;
    this.#process.kill(signal);
  }

  /** Whether it is gone, without help of the event loop. */
  get isGone(): boolean {
    if (this.pid === undefined) return true;
    const code = this.exitCode;
    return code !== undefined && !this.#startAnew(code);
  }

  /**
   * As Python counts, the exit code or minus the number of the signal, without help of the event loop; undefined while
   * it runs.
   */
  get exitCode(): number | undefined {
    const { pid, exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) return exitCodeOf(exitCode, signalCode);
    return pid === undefined ? undefined : zombieExitCode(pid);
  }

  /** Tells of its end, if it has ended, without help of the event loop. `release`: gives back what is here for it. */
  noticeEnd(release: (child: ChildProcess) => void): void {
    if (this.#hasEnded || !this.isGone) return;
    this.#hasEnded = true;
    const exitCode = this.exitCode ?? 1;
    release(this.#process);
    this.#watch.ended(exitCode, exitCode < 0 ? signalName(-exitCode) : undefined, undefined);
  }

  #listen(): void {
    const child = this.#process;
    const ended = (exitCode: number, signal?: string, cause?: unknown) => {
      if (child !== this.#process || this.#hasEnded || this.#startAnew(exitCode)) return;
      this.#hasEnded = true;
      this.#watch.ended(exitCode, signal, cause);
    };
    child.on("error", (error) => {
      if (child.pid === undefined) ended(1, undefined, error);
    });
    child.on("exit", (code, signal) => ended(exitCodeOf(code, signal), signal ?? undefined));
  }

  /** Whether another one has taken its place. */
  #startAnew(exitCode: number): boolean {
    if (exitCode >= 0 || this.#isEnding || this.#hasEnded || this.#starts >= MOST_STARTS) return false;
    if (ownGroupListeners(signalName(-exitCode)) === 0 || this.#watch.hasBegun()) return false;
    let next: ChildProcess;
    try {
      next = this.#spawn();
    } catch {
      // For want of memory or descriptors: it has died, as one may.
      return false;
    }
    this.#starts++;
    this.#process = next;
    this.hold(this.#isHeld);
    this.#listen();
    return true;
  }
}

function exitCodeOf(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? -process.getBuiltinModule("node:os").constants.signals[signal!];
}

function signalName(number: number): string {
  const { signals } = process.getBuiltinModule("node:os").constants;
  return Object.entries(signals).find(([, each]) => each === number)?.[0] ?? "";
}
