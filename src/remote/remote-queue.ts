import { portray } from "../codec/portrait.js";
import { encode } from "../codec/index.js";
import { ArgumentTypeError, KnownOptions, ownOptions } from "../errors/index.js";
import { wholeNumber } from "../pools/option-values.js";
import type { RemoteQueueOptions } from "../pools/remote-options.js";
import { type AnyFunction, identityOf, type Task } from "../workers/task.js";
import { BullEngine } from "./bullmq/bull-engine.js";
import type { FailedTask, QueueCounts, RemoteSchedule, RemoteWorkerInfo } from "./engine.js";
import { remoteName } from "./identity.js";
import { libraryVersion } from "./library-version.js";
import { checkLength, MOST_INLINE, Payloads } from "./payloads.js";
import { buildOf, checkId, queueSettingsOf } from "./remote-pool-options.js";
import { WIRE_VERSION } from "./wire.js";

/** How somebody who looks after a queue reaches it. */
export interface RemoteQueueAdminOptions extends RemoteQueueOptions {
  /** In place of the package's version in the names of tasks that are scheduled. */
  build?: string | undefined;
}

/** When a scheduled task is due: each so many milliseconds, or by a cron pattern. */
export type ScheduleTime = { readonly every: number } | { readonly cron: string };

const QUEUE = new KnownOptions<RemoteQueueAdminOptions>({
  connection: true,
  queue: true,
  prefix: true,
  store: true,
  build: true,
});
const TIME = new KnownOptions<{ every: number; cron: string }>({ every: true, cron: true });
const KEPT = { age: 3_600_000, count: 20_000 };
const LOST_RETRIES = 3;
const MOST_LISTED = 100;

/**
 * A queue as those see it who look after it: what waits and runs, who serves it, what has failed, and what is due again
 * and again.
 *
 * @example
 * ```ts
 * import { task } from "allcores";
 * import { RemoteQueue } from "allcores/remote";
 * const clean = task(import.meta, function clean(folder: string) {
 *   return folder;
 * });
 * const queue = new RemoteQueue({ connection: "redis://localhost:6379", queue: "work" });
 * export const nightly = () => queue.schedule("clean", { cron: "0 3 * * *" }, clean, "/tmp");
 * export const again = async () => {
 *   for (const { id } of await queue.failed()) await queue.retry(id);
 * };
 * await queue.close();
 * ```
 */
export class RemoteQueue implements AsyncDisposable {
  readonly #engine: BullEngine;
  readonly #build: string | undefined;
  #started: Promise<void> | undefined;

  /**
   * Names a queue; nothing is asked of the server before the first call.
   *
   * @param options `connection` and `queue`
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for options that make no sense
   * @remarks **Cost:** one connection, once it is used.
   */
  constructor(options: RemoteQueueAdminOptions) {
    if (typeof options !== "object" || options === null)
      throw new ArgumentTypeError("new RemoteQueue(options): options must be an object with connection and queue");
    QUEUE.check(options);
    options = ownOptions(options);
    this.#build = buildOf(options.build);
    this.#engine = new BullEngine(queueSettingsOf(options), { retention: KEPT });
  }

  async #ready(): Promise<BullEngine> {
    this.#started ??= this.#engine.start();
    this.#started.catch(() => {
      this.#started = undefined;
    });
    await this.#started;
    return this.#engine;
  }

  /**
   * Has a task run again and again, by the programs that serve the queue. A schedule under the same id is replaced.
   *
   * @param id its name
   * @param when `{ every }` in milliseconds, or `{ cron }`, a pattern with five or six fields
   * @param task as of `RemotePool.submit`
   * @param args its arguments, at most 256 KB
   * @throws `ERR_ALLCORES_REMOTE_UNAVAILABLE`, `ERR_ALLCORES_UNSENDABLE`, `ERR_ALLCORES_VALUE_TOO_LARGE`,
   *   `ERR_ALLCORES_NOT_A_TASK`; `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for what makes no sense
   * @remarks **Fairness:** with priority 0 when it is due. **Death:** as of a pool's task. **Cancel:** `unschedule`
   *   stops what is to come. **Cost:** a question to the server.
   */
  async schedule<F extends AnyFunction>(
    id: string,
    when: ScheduleTime,
    task: Task<F>,
    ...args: Parameters<F>
  ): Promise<void> {
    checkId(id);
    if (typeof when !== "object" || when === null)
      throw new ArgumentTypeError("schedule(id, when): when must be { every } or { cron }");
    TIME.check(when, "when");
    const { every, cron } = when as { every?: number; cron?: string };
    if ((every === undefined) === (cron === undefined))
      throw new ArgumentTypeError("schedule(id, when): when must have every or cron, and not both");
    if (cron !== undefined && typeof cron !== "string")
      throw new ArgumentTypeError(`when.cron must be a text, got ${typeof cron}`);
    const identity = identityOf(task);
    const bytes = encode([...identity.bound, ...args], {
      to: "processes",
      root: "args",
      list: true,
      apart: "workers of this RemoteQueue",
    }).toBytes();
    checkLength(bytes.length, MOST_INLINE, "args", () => args);
    const wire = {
      v: WIRE_VERSION,
      lib: libraryVersion(),
      task: remoteName(identity, this.#build),
      chunk: false,
      stops: false,
      attempt: 1,
      lost: LOST_RETRIES,
      limit: 0,
      most: MOST_INLINE,
      keep: KEPT.age,
      // Each run has the id that the server gives it.
      key: "",
      first: 0,
      args: Payloads.inline(bytes)!,
    };
    await (await this.#ready()).schedule(
      id,
      { every: every === undefined ? undefined : wholeNumber("every", every, 1, 1), cron },
      { wire, priority: 0 },
    );
  }

  /**
   * What is scheduled.
   *
   * @param limit how many at most; 100 unless given
   * @returns the schedules by when they are due
   * @throws `ERR_ALLCORES_REMOTE_UNAVAILABLE`, `ERR_ALLCORES_ARGUMENT_RANGE`
   * @remarks **Cost:** a question to the server.
   */
  async schedules(limit?: number): Promise<readonly RemoteSchedule[]> {
    const most = wholeNumber("limit", limit, 1, MOST_LISTED);
    return await (await this.#ready()).schedules(most);
  }

  /**
   * Ends a schedule; what runs goes on.
   *
   * @param id its name
   * @returns whether there was one
   * @throws `ERR_ALLCORES_REMOTE_UNAVAILABLE`, `ERR_ALLCORES_ARGUMENT_TYPE`
   * @remarks **Cost:** a question to the server.
   */
  async unschedule(id: string): Promise<boolean> {
    checkId(id);
    return await (await this.#ready()).unschedule(id);
  }

  /**
   * Tasks that have failed and are kept, the latest first.
   *
   * @param limit how many at most; 100 unless given
   * @returns their ids and what they failed of
   * @throws `ERR_ALLCORES_REMOTE_UNAVAILABLE`, `ERR_ALLCORES_ARGUMENT_RANGE`
   * @remarks **Cost:** two questions to the server.
   */
  async failed(limit?: number): Promise<readonly FailedTask[]> {
    const most = wholeNumber("limit", limit, 1, MOST_LISTED);
    return await (await this.#ready()).failed(most);
  }

  /**
   * Has a task that failed run again.
   *
   * @param id as `failed` gives it
   * @returns whether there is one that failed
   * @throws `ERR_ALLCORES_REMOTE_UNAVAILABLE`, `ERR_ALLCORES_ARGUMENT_TYPE`
   * @remarks **Fairness:** behind what waits. **Death:** as of any task. **Cost:** two questions to the server.
   */
  async retry(id: string): Promise<boolean> {
    checkId(id);
    return await (await this.#ready()).retry(id);
  }

  /**
   * Forgets a task that has ended, or that nobody has begun.
   *
   * @param id as `failed` gives it
   * @returns whether it is gone; not one that runs
   * @throws `ERR_ALLCORES_REMOTE_UNAVAILABLE`, `ERR_ALLCORES_ARGUMENT_TYPE`
   * @remarks **Cost:** a question to the server.
   */
  async discard(id: string): Promise<boolean> {
    checkId(id);
    return await (await this.#ready()).discard(id);
  }

  /**
   * How many tasks stand where.
   *
   * @returns counts by state; a scaler adds waiting, prioritized and delayed
   * @throws `ERR_ALLCORES_REMOTE_UNAVAILABLE`
   * @remarks **Cost:** a question to the server, however long the queue is.
   */
  async counts(): Promise<QueueCounts> {
    return await (await this.#ready()).counts();
  }

  /**
   * Who serves the queue, and with which builds.
   *
   * @returns what each worker says of itself that was heard of within a minute
   * @throws `ERR_ALLCORES_REMOTE_UNAVAILABLE`
   * @remarks **Cost:** a question to the server.
   */
  async workers(): Promise<readonly RemoteWorkerInfo[]> {
    return await (await this.#ready()).workers();
  }

  /** Lets go of the connection. */
  async close(): Promise<void> {
    await this.#engine.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

portray(RemoteQueue, () => ({}), "make one with the same name there");
