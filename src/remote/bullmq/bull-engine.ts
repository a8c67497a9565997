import { realDate } from "../../memory/index.js";
import { randomUUID } from "node:crypto";
import type { JobsOptions, Queue } from "bullmq";
import type { QueueSettings } from "../remote-pool-options.js";
import type {
  Engine,
  EngineWatch,
  Entry,
  FailedTask,
  LookedUp,
  QueueCounts,
  RemoteSchedule,
  ServeSettings,
  Service,
  ValueStore,
  RemoteWorkerInfo,
} from "../engine.js";
import type { WireResult } from "../wire.js";
import { BullService } from "./bull-service.js";
import { EventReader } from "./event-reader.js";
import { FIELD } from "./fields.js";
import { fromJobId, toJobId } from "./job-ids.js";
import { loadPeers } from "./peers.js";
import { checkServer, type Client, RedisClients } from "./redis-clients.js";
import { RedisValues } from "./redis-values.js";
import { refusalOf } from "./refusal.js";

/** BullMQ's priorities go from 1, the first, to 2097152. */
const MIDDLE_PRIORITY = 1_048_576;
/** Events that are kept: a program that stands still for so long hears of the others by its sweep. */
const MOST_EVENTS = 20_000;
/** Workers that are not heard of for so long are forgotten. */
const WORKER_SEEN_MS = 60_000;
/** How long a wish to cancel waits for a worker to hear of it. */
const CANCEL_MS = 3_600_000;

interface BullOptions {
  readonly retention: { readonly age: number; readonly count: number };
  readonly rate?: { readonly limit: number; readonly interval: number } | undefined;
}

/** A queue of BullMQ on Redis. */
export class BullEngine implements Engine {
  readonly #settings: QueueSettings;
  readonly #options: BullOptions;
  readonly #clients: RedisClients;
  #client: Client | undefined;
  #queue: Queue | undefined;
  #events: EventReader | undefined;
  #closing: Promise<void> | undefined;
  #values: ValueStore | undefined;

  constructor(settings: QueueSettings, options: BullOptions) {
    this.#settings = settings;
    this.#options = options;
    this.#clients = new RedisClients(settings.connection);
  }

  get isConnected(): boolean {
    return this.#client?.status === "ready";
  }

  get values(): ValueStore {
    this.#values ??= this.#settings.store ?? new RedisValues(this.client, `${this.keys}value:`);
    return this.#values;
  }

  /** @internal For what is made over the same connection. */
  get client(): Client {
    return this.#client!;
  }

  /** What all keys of the queue begin with. */
  get keys(): string {
    return `${this.#settings.prefix}:${this.#settings.queue}:`;
  }

  async start(): Promise<void> {
    const { bullmq } = loadPeers();
    this.#client ??= this.#clients.open();
    await checkServer(this.#client);
    if (this.#queue !== undefined) return;
    const { queue, prefix } = this.#settings;
    const opened = new bullmq.Queue(queue, {
      connection: this.#client as never,
      prefix,
      streams: { events: { maxLen: MOST_EVENTS } },
    });
    opened.on("error", () => {});
    try {
      await opened.waitUntilReady();
      if (this.#options.rate !== undefined)
        await opened.setGlobalRateLimit(this.#options.rate.limit, this.#options.rate.interval);
    } catch (error) {
      throw refusalOf(error);
    }
    this.#queue = opened;
  }

  async enqueue(entries: readonly Entry[]): Promise<readonly (Error | undefined)[]> {
    if (entries.length === 0) return [];
    try {
      await this.#queue!.addBulk(
        entries.map(({ id, wire, priority, delay }) => ({
          name: wire.task,
          data: wire,
          opts: { ...this.#jobOptions(priority), jobId: toJobId(id), ...(delay > 0 && { delay }) },
        })),
      );
      return entries.map(() => undefined);
    } catch (error) {
      const refusal = refusalOf(error);
      return entries.map(() => refusal);
    }
  }

  #jobOptions(priority: number): JobsOptions {
    const keep = { age: Math.ceil(this.#options.retention.age / 1000), count: this.#options.retention.count };
    return {
      priority: MIDDLE_PRIORITY - priority,
      attempts: 1,
      removeOnComplete: keep,
      removeOnFail: keep,
      stackTraceLimit: 0,
    };
  }

  async subscribe(watch: EngineWatch): Promise<void> {
    if (this.#events !== undefined) return;
    // From here on, and not from when the first question for events is answered.
    const key = `${this.keys}events`;
    const last = (await this.client.xrevrange(key, "+", "-", "COUNT", 1)) as [string, unknown][];
    this.#events = new EventReader(this.client, key, last[0]?.[0] ?? "0-0", watch);
    this.client.on("ready", () => watch.connected());
  }

  async lookUp(ids: readonly string[], digests = false): Promise<readonly LookedUp[]> {
    const pipeline = this.client.pipeline();
    const fields = [
      "timestamp",
      "finishedOn",
      "processedOn",
      "returnvalue",
      "failedReason",
      FIELD.out,
      ...(digests ? ["data"] : []),
    ];
    for (const id of ids) pipeline.hmget(`${this.keys}${toJobId(id)}`, ...fields);
    const answers = (await pipeline.exec()) ?? [];
    return answers.map(([error, answer]) => {
      if (error !== null) throw refusalOf(error);
      return foundIn(answer as (string | null)[]);
    });
  }

  async cancel(ids: readonly string[], reason: string, waitingOnly = false): Promise<void> {
    const queue = this.#queue;
    if (queue === undefined) return;
    const removed = await Promise.all(ids.map((id) => queue.remove(toJobId(id)).catch(() => 0)));
    const running = ids.filter((_, index) => removed[index] === 0);
    if (waitingOnly || running.length === 0) return;
    const pipeline = this.client.pipeline();
    const now = realDate();
    for (const id of running) {
      // A worker that misses the message finds the wish when it renews its lease.
      pipeline.set(`${this.keys}cancel:${id}`, JSON.stringify([reason, now]), "PX", CANCEL_MS);
      pipeline.publish(`${this.keys}cancel`, JSON.stringify([id, reason]));
    }
    await pipeline.exec();
  }

  async limit({ limit, interval }: { readonly limit: number; readonly interval: number }): Promise<void> {
    await this.#queue!.setGlobalRateLimit(limit, interval);
  }

  async serve(settings: ServeSettings): Promise<Service> {
    const { queue, prefix } = this.#settings;
    const service = new BullService(this.client, { queue, prefix, keys: this.keys, seen: WORKER_SEEN_MS }, settings);
    await service.start();
    return service;
  }

  async workers(): Promise<readonly RemoteWorkerInfo[]> {
    const all = await this.client.hgetall(`${this.keys}workers`);
    const now = realDate();
    return Object.values(all).flatMap((text) => {
      const { seen, ...info } = JSON.parse(text) as RemoteWorkerInfo & { seen: number };
      return now - seen < WORKER_SEEN_MS ? [info] : [];
    });
  }

  async counts(): Promise<QueueCounts> {
    const {
      waiting = 0,
      prioritized = 0,
      delayed = 0,
      active = 0,
      completed = 0,
      failed = 0,
    } = await this.#queue!.getJobCounts("waiting", "prioritized", "delayed", "active", "completed", "failed");
    return { waiting, prioritized, delayed, active, completed, failed };
  }

  async failed(limit: number): Promise<readonly FailedTask[]> {
    const ids = (await this.#queue!.getRanges(["failed"], 0, limit - 1, false)) as string[];
    const pipeline = this.client.pipeline();
    for (const id of ids) pipeline.hmget(`${this.keys}${id}`, "name", "failedReason", "finishedOn");
    const answers = (await pipeline.exec()) ?? [];
    return answers.flatMap(([, answer], index) => {
      const [task, reason, time] = (answer ?? []) as (string | null)[];
      return typeof task === "string"
        ? [{ id: fromJobId(ids[index]!), task, reason: reason ?? "", time: Number(time) }]
        : [];
    });
  }

  async retry(id: string): Promise<boolean> {
    const job = await this.#queue!.getJob(toJobId(id));
    if (job === undefined || !(await job.isFailed())) return false;
    await job.retry("failed");
    return true;
  }

  async discard(id: string): Promise<boolean> {
    return (await this.#queue!.remove(toJobId(id))) === 1;
  }

  async schedule(
    id: string,
    when: { every?: number | undefined; cron?: string | undefined },
    { wire, priority }: Omit<Entry, "id" | "delay">,
  ): Promise<void> {
    const repeat = when.every === undefined ? { pattern: when.cron! } : { every: when.every };
    try {
      await this.#queue!.upsertJobScheduler(toJobId(id), repeat, {
        name: wire.task,
        data: wire,
        opts: this.#jobOptions(priority),
      });
    } catch (error) {
      throw refusalOf(error);
    }
  }

  async schedules(limit: number): Promise<readonly RemoteSchedule[]> {
    const all = await this.#queue!.getJobSchedulers(0, limit - 1, true);
    return all.map(({ key, name, every, pattern, next }) => ({
      id: fromJobId(key),
      task: name,
      every: every === undefined || every === null ? undefined : Number(every),
      cron: pattern ?? undefined,
      next,
    }));
  }

  async unschedule(id: string): Promise<boolean> {
    return await this.#queue!.removeJobScheduler(toJobId(id));
  }

  async epoch(): Promise<string> {
    const key = `${this.keys}epoch`;
    await this.client.set(key, randomUUID(), "NX");
    return (await this.client.get(key)) ?? "";
  }

  hold(alive: boolean): void {
    this.#clients.hold(alive);
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      // BullMQ waits for the server before it closes: one that is not there would keep the program alive for ever.
      if (!this.isConnected) this.#clients.close();
      this.#events?.close();
      await this.#queue?.close().catch(() => {});
      this.#clients.close();
    })();
    return this.#closing;
  }
}

function foundIn([timestamp, finishedOn, processedOn, returned, reason, out, data]: (string | null)[]): LookedUp {
  if (timestamp === null || timestamp === undefined) return { state: "missing", digest: undefined, outcome: undefined };
  const digest = typeof data === "string" ? (JSON.parse(data) as { digest?: string }).digest : undefined;
  if (finishedOn === null || finishedOn === undefined)
    return { state: typeof processedOn === "string" ? "running" : "waiting", digest, outcome: undefined };
  const text = typeof reason === "string" ? out : returned;
  const result = typeof text === "string" ? (JSON.parse(text) as WireResult) : undefined;
  return { state: "ended", digest, outcome: { result, reason: reason ?? undefined } };
}
