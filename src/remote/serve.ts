import { clearRealTimeout, setRealTimeout } from "../memory/index.js";
import { randomUUID } from "node:crypto";
import { constants, hostname } from "node:os";
import { portray } from "../codec/portrait.js";
import type { Engine } from "./engine.js";
import { AllowList } from "./allow-list.js";
import { BullEngine } from "./bullmq/bull-engine.js";
import { libraryVersion } from "./library-version.js";
import { serveStatus, type StatusServer } from "./status-server.js";
import { type ServeOptions, type ServeOptionsChecked, serveSettingsOf } from "./serve-options.js";
import { TaskRunner } from "./task-runner.js";
import { WIRE_VERSION } from "./wire.js";

/** Milliseconds until a task that no worker could run is offered again. */
const PATIENCE_MS = 1000;
/** Until it is said that a server does not answer. */
const NOTICE_MS = 5000;
/** What a worker submits by itself is nothing; its pools say how long outcomes are kept. */
const KEPT = { retention: { age: 3_600_000, count: 20_000 } };

/** A worker that serves a queue. */
export class RemoteServer implements AsyncDisposable {
  readonly #engine: Engine;
  readonly #runner: TaskRunner;
  readonly #settings: ServeOptionsChecked;
  readonly #id = randomUUID();
  #service: Awaited<ReturnType<Engine["serve"]>> | undefined;
  #status: StatusServer | undefined;
  #ending: Promise<void> | undefined;
  #isStopping = false;
  /** @internal What its program ends with, where signals end it. */
  exitCode = 0;
  #ended!: () => void;
  /** Resolves once it has ended. */
  readonly whenEnded: Promise<void> = new Promise((resolve) => {
    this.#ended = resolve;
  });

  /** @internal Made by `serveRemote`. */
  constructor(settings: ServeOptionsChecked, engine: Engine) {
    this.#settings = settings;
    this.#engine = engine;
    this.#runner = new TaskRunner(settings, engine, new AllowList(settings.allow, settings.build));
  }

  /** @internal Over a given engine, once it takes tasks. */
  static async over(options: ServeOptions, engine?: Engine): Promise<RemoteServer> {
    const settings = serveSettingsOf(options);
    const server = new RemoteServer(settings, engine ?? new BullEngine(settings, KEPT));
    try {
      await server.start();
    } catch (error) {
      await server.terminate();
      throw error;
    }
    if (settings.signals) endOnSignals(server, settings.report);
    return server;
  }

  /** Name by which others know it. */
  get name(): string {
    return this.#settings.name ?? `${hostname()}-${process.pid}`;
  }

  /** It takes no more tasks. */
  get isDraining(): boolean {
    return this.#ending !== undefined;
  }

  /** Port of `/health`, `/ready` and `/metrics`; undefined where there is none. */
  get port(): number | undefined {
    return this.#status?.port;
  }

  /** How many tasks it has run, and runs. */
  get counts(): {
    readonly running: number;
    readonly done: number;
    readonly failed: number;
    readonly leftToOthers: number;
  } {
    return this.#runner.counts;
  }

  /** @internal */
  async start(): Promise<void> {
    const { workers, lease, report, port, host } = this.#settings;
    const notice = setRealTimeout(
      () => report("the server of the queue does not answer yet: the worker goes on trying"),
      NOTICE_MS,
    );
    try {
      await this.#engine.start();
    } finally {
      clearRealTimeout(notice);
    }
    if (port !== undefined) {
      this.#status = await serveStatus(port, host, {
        isReady: () => !this.isDraining && this.#service?.isConnected === true,
        counts: () => this.#engine.counts(),
        own: () => this.#runner.counts,
      });
    }
    const { name } = this;
    this.#service = await this.#engine.serve({
      name,
      slots: workers,
      lease: lease.duration,
      look: lease.look,
      patience: PATIENCE_MS,
      info: {
        id: this.#id,
        name,
        host: hostname(),
        pid: process.pid,
        slots: workers,
        library: libraryVersion(),
        wire: WIRE_VERSION,
        builds: this.#runner.builds,
      },
      run: (run) => this.#runner.run(run),
      report: (error) => {
        // What an outcome of this worker says that comes too late is dropped.
        if (!this.isDraining) report(`the queue: ${error instanceof Error ? error.message : String(error)}`, error);
      },
    });
    this.#runner.onSlots = (slots) => this.#service?.resize(slots);
  }

  /**
   * Takes no more tasks, waits for those that run, and ends. What it took ahead and has not begun is left to others.
   *
   * @throws nothing
   * @remarks **Cancel:** `terminate()` ends the wait. **Cost:** as long as the longest task.
   */
  drain(): Promise<void> {
    this.#ending ??= this.#end(async () => {
      // First: what is given back must not come here again.
      const left = this.#service?.drain();
      this.#runner.leave();
      await left;
    });
    return this.#ending;
  }

  /**
   * Ends at once: tasks that run are asked to stop, and run again elsewhere once their leases are over.
   *
   * @throws nothing
   * @remarks **Cost:** a kill for each task that runs.
   */
  async terminate(): Promise<void> {
    this.#isStopping = true;
    const stopped = (async () => {
      // First: what the runs come to by the end of their workers is nobody's outcome.
      const left = this.#service?.stop();
      this.#runner.terminate();
      await left;
    })();
    this.#ending ??= this.#end(() => stopped);
    await stopped.catch(() => {});
    await this.#ending;
  }

  async #end(leave: () => Promise<void>): Promise<void> {
    try {
      await leave();
    } catch (error) {
      this.#settings.report("leaving the queue", error);
    }
    if (this.#isStopping) this.#runner.terminate();
    await this.#runner.close();
    await this.#status?.close();
    await this.#engine.close();
    this.#ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }
}

/**
 * Serves a queue: takes tasks of remote pools and runs them in threads or processes of this machine, until it is
 * drained or terminated.
 *
 * Tasks are found by name, as `package@build/entry#export`, among what `allow` lists. A task of another build, or of a
 * module that is not there, is left to other workers, and that is reported. A task outside of `allow` in a package that
 * is here fails with `ModuleNotAllowedError`.
 *
 * @param options `connection`, `queue` and `allow`; for the others see `ServeOptions`
 * @returns the worker, once it takes tasks
 * @throws `ERR_ALLCORES_REMOTE_UNAVAILABLE` when the server refuses it, may throw tasks away, or a package is missing;
 *   `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
 * @remarks **Fairness:** in the order of the queue, higher priorities first. **Death:** tasks of a worker that is
 *   killed run elsewhere once their leases are over. **Cost:** three connections, and the workers of a pool.
 *
 * @example
 * ```ts
 * import { serveRemote } from "allcores/remote";
 * const options = { connection: "redis://localhost:6379", queue: "work", allow: ["./tasks"], workers: 2 };
 * export const serve = () => serveRemote({ ...options, signals: true, port: 9100 });
 * ```
 */
export async function serveRemote(options: ServeOptions): Promise<RemoteServer> {
  return await RemoteServer.over(options);
}

function endOnSignals(server: RemoteServer, report: (message: string) => void): void {
  let isAsked = false;
  const end = () => process.exit(server.exitCode);
  const onSignal = (signal: "SIGTERM" | "SIGINT") => {
    if (isAsked) {
      report(`${signal} again: it ends at once, and what runs is run elsewhere`);
      server.exitCode = 128 + constants.signals[signal];
      void server.terminate().finally(end);
      setRealTimeout(end, 1000).unref();
      return;
    }
    isAsked = true;
    report(`${signal}: it takes no more tasks and ends once those that run are done`);
    void server.drain().then(end);
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
}

portray(RemoteServer, ({ name, isDraining }) => ({ name, isDraining }), "it belongs to its program");
