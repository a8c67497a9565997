import { clearRealInterval, realDate, realNow, setRealInterval } from "../../memory/index.js";
import type { Job, Worker } from "bullmq";
import { CancelledError, CorruptError, RemoteUnavailableError } from "../../errors/index.js";
import type { LostWorker, RunResult, ServeSettings, Service } from "../engine.js";
import { encode } from "../../codec/index.js";
import { Payloads } from "../payloads.js";
import { RunStop } from "../run-stop.js";
import { readWire, WIRE_VERSION, type WireResult } from "../wire.js";
import { FIELD } from "./fields.js";
import { fromJobId } from "./job-ids.js";
import { loadPeers } from "./peers.js";
import type { Client } from "./redis-clients.js";

/** The program that runs the task counts losses of workers; BullMQ is to end none. */
const NO_LIMIT = 1_000_000;
/** Milliseconds between attempts of BullMQ to tell an outcome to a server that is away. */
const RETRY_MS = 500;
/** Many at once would only make each other late. */
const MOST_SWEPT = 100;

/** A run that goes on here. */
interface Run {
  readonly stop: RunStop;
  readonly job: Job;
  /** When its lease was last renewed, by this machine's steady clock. */
  renewedAt: number;
  isCalledOff: boolean;
}

/** What a service knows of its queue. */
interface ServiceQueue {
  readonly queue: string;
  readonly prefix: string;
  readonly keys: string;
  /** Milliseconds after which a worker that tells nothing is forgotten. */
  readonly seen: number;
}

/**
 * A worker's side of a queue of BullMQ. BullMQ hands out, renews leases and takes outcomes; bodies run elsewhere, so
 * that none stands in the way of that.
 */
export class BullService implements Service {
  readonly #client: Client;
  readonly #at: ServiceQueue;
  readonly #settings: ServeSettings;
  readonly #runs = new Map<string, Run>();
  #worker: Worker | undefined;
  #listener: Client | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(client: Client, at: ServiceQueue, settings: ServeSettings) {
    this.#client = client;
    this.#at = at;
    this.#settings = settings;
  }

  get isConnected(): boolean {
    return this.#client.status === "ready";
  }

  async start(): Promise<void> {
    const { bullmq } = loadPeers();
    const { queue, prefix, keys } = this.#at;
    const { name, slots, lease, look, report } = this.#settings;
    const listener = this.#client.duplicate() as Client;
    this.#listener = listener;
    // After a lost connection ioredis subscribes again by this and looks at no answer: none may be an unhandled error.
    const subscribe = listener.subscribe.bind(listener) as (...channels: string[]) => Promise<unknown>;
    listener.subscribe = ((...channels: string[]) => {
      const asked = subscribe(...channels);
      asked.catch(() => {});
      return asked;
    }) as never;
    listener.on("message", (_channel: string, text: string) => this.#cancelled(text));
    await listener.subscribe(`${keys}cancel`);
    const worker = new bullmq.Worker(queue, (job, token) => this.#process(job, token!), {
      connection: this.#client as never,
      prefix,
      name,
      concurrency: slots,
      lockDuration: lease,
      stalledInterval: look,
      maxStalledCount: NO_LIMIT,
      runRetryDelay: RETRY_MS,
    });
    this.#worker = worker;
    worker.on("error", report);
    worker.on("lockRenewalFailed", (ids) => {
      for (const id of ids) this.#abort(id, "the lease of the task was lost: it may run elsewhere by now");
    });
    worker.on("locksRenewed", ({ jobIds }) => {
      const now = realNow();
      for (const id of jobIds) {
        const run = this.#runs.get(id);
        if (run !== undefined) run.renewedAt = now;
      }
      void this.#lookForCancels(jobIds).catch(() => {});
    });
    await worker.waitUntilReady();
    await this.#tell();
    this.#timer = setRealInterval(
      () => {
        this.#endLost();
        void this.#tell().catch(() => {});
      },
      Math.min(look, lease / 2),
    );
  }

  resize(slots: number): void {
    if (this.#worker !== undefined) this.#worker.concurrency = slots;
  }

  async #process(job: Job, token: string): Promise<WireResult> {
    const id = job.id!;
    const run: Run = { stop: new RunStop(), job, renewedAt: realNow(), isCalledOff: false };
    this.#runs.set(id, run);
    let served: RunResult;
    try {
      const losses = await this.#begin(job);
      served = await this.#settings.run({
        id: fromJobId(id),
        wire: readWire(job.data),
        losses,
        stop: run.stop,
        progress: (value) => void job.updateProgress(value as string).catch(() => {}),
        lost: (loss) => {
          losses.push(loss);
          void this.#client.hset(this.#keyOf(id), FIELD.losses, JSON.stringify(losses)).catch(() => {});
        },
      });
    } catch (error) {
      served = failure(error);
    } finally {
      this.#runs.delete(id);
    }
    const { bullmq } = loadPeers();
    if (run.isCalledOff) {
      // Nobody waits for it, and its id is free again.
      job.opts.removeOnFail = true;
      throw new bullmq.UnrecoverableError("called off");
    }
    // It is run elsewhere once its lease is over. BullMQ leaves what is thrown so as it is.
    if (run.stop.isAsked) throw new bullmq.DelayedError();
    // BullMQ lets nobody end a task whose lease is another's.
    if (served.to === "elsewhere") {
      await job.moveToDelayed(realDate() + this.#settings.patience, token);
      throw new bullmq.DelayedError();
    }
    if (served.to === "back") {
      await job.moveToWait(token);
      // BullMQ tells nobody who sleeps of a task with a priority that is there again.
      await this.#client.zadd(`${this.#at.keys}marker`, 0, "0");
      throw new bullmq.WaitingError();
    }
    if (served.to === "done") return served.result;
    await this.#client.hset(this.#keyOf(id), FIELD.out, JSON.stringify(served.result));
    throw new bullmq.UnrecoverableError(served.reason);
  }

  #keyOf(id: string): string {
    return `${this.#at.keys}${id}`;
  }

  /** Notes who runs it. Gives those who were lost to it before. */
  async #begin(job: Job): Promise<LostWorker[]> {
    const { name, info } = this.#settings;
    const key = this.#keyOf(job.id!);
    const now = realDate();
    const note = JSON.stringify({ worker: name, pid: info.pid, at: now });
    if (job.stalledCounter === 0) {
      // In order before the task's end, on the same connection; nobody waits for it.
      void this.#client.hset(key, FIELD.run, note).catch(() => {});
      return [];
    }
    const [before, known] = await this.#client.hmget(key, FIELD.run, FIELD.losses);
    const losses = typeof known === "string" ? (JSON.parse(known) as LostWorker[]) : [];
    const last =
      typeof before === "string" ? (JSON.parse(before) as { worker: string; pid: number; at: number }) : undefined;
    while (losses.length < job.stalledCounter)
      losses.push({
        worker: last?.worker ?? "a worker",
        pid: last?.pid ?? 0,
        time: now,
        ranFor: Math.max(0, now - (last?.at ?? now)),
        reason: "lost",
      });
    await this.#client.hset(key, FIELD.run, note, FIELD.losses, JSON.stringify(losses));
    return losses;
  }

  #abort(id: string, reason: string): void {
    this.#runs.get(id)?.stop.ask(new RemoteUnavailableError(reason, { reason: "lost" }));
  }

  /** Leases that nobody could renew in time are lost, even if the server cannot be asked. */
  #endLost(): void {
    const now = realNow();
    for (const [id, { renewedAt }] of this.#runs)
      if (now - renewedAt > this.#settings.lease)
        this.#abort(id, "the lease of the task could not be renewed in time: it may run elsewhere by now");
  }

  #cancelled(text: string): void {
    try {
      const [id, reason] = JSON.parse(text) as [string, string];
      for (const [key, run] of this.#runs) if (fromJobId(key) === id) this.#callOff(run, reason);
    } catch {
      // It is nothing that a pool says.
    }
  }

  #callOff(run: Run, reason: string): void {
    run.isCalledOff = true;
    run.stop.ask(new CancelledError(reason));
    void this.#client.del(`${this.#at.keys}cancel:${fromJobId(run.job.id!)}`).catch(() => {});
  }

  async #lookForCancels(ids: readonly string[]): Promise<void> {
    const runs = ids.slice(0, MOST_SWEPT).flatMap((id) => this.#runs.get(id) ?? []);
    if (runs.length === 0) return;
    const pipeline = this.#client.pipeline();
    for (const { job } of runs) pipeline.get(`${this.#at.keys}cancel:${fromJobId(job.id!)}`);
    for (const [index, [, text]] of ((await pipeline.exec()) ?? []).entries()) {
      if (typeof text !== "string") continue;
      const [reason, at] = JSON.parse(text) as [string, number];
      // An older wish is of another task that had the same id.
      if (at >= runs[index]!.job.timestamp) this.#callOff(runs[index]!, reason);
    }
  }

  /** Tells others that this worker is there. */
  async #tell(): Promise<void> {
    const { info } = this.#settings;
    const key = `${this.#at.keys}workers`;
    await this.#client
      .pipeline()
      .hset(key, info.id, JSON.stringify({ ...info, seen: realDate() }))
      .pexpire(key, this.#at.seen * 10)
      .exec();
  }

  async drain(): Promise<void> {
    await this.#worker?.close();
    await this.#leave();
  }

  async stop(): Promise<void> {
    for (const id of this.#runs.keys()) this.#abort(id, "the worker ends at once");
    await this.#worker?.close(true);
    await this.#leave();
  }

  async #leave(): Promise<void> {
    clearRealInterval(this.#timer);
    await this.#client.hdel(`${this.#at.keys}workers`, this.#settings.info.id).catch(() => {});
    this.#listener?.disconnect();
  }
}

/** Something in the queue that is no task: its submitter, if there is one, hears of it. */
function failure(error: unknown): RunResult {
  const bytes = encode([[0, error instanceof Error ? error : new CorruptError(String(error))]], {
    to: "processes",
  }).toBytes();
  return { to: "failed", result: { v: WIRE_VERSION, t: 0, out: Payloads.inline(bytes)! }, reason: String(error) };
}
