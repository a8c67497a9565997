import { createHash, randomUUID } from "node:crypto";
import { RemoteUnavailableError, StateError } from "../errors/index.js";
import type { DeadlockReport } from "../errors/deadlock-report.js";
import { realNow } from "../memory/index.js";
import { Chunk } from "../pools/chunk.js";
import type { Job } from "../pools/job.js";
import type { LinkedPool, LinkKind, Links, LinkWatch, WorkerLink } from "../pools/link.js";
import type { PoolSettings } from "../pools/pool-options.js";
import type { Segment } from "../pools/segment.js";
import type { Engine } from "./engine.js";
import { remoteName } from "./identity.js";
import { libraryVersion } from "./library-version.js";
import { checkLength } from "./payloads.js";
import type { RemoteCargo } from "./remote-cargo.js";
import type { RemoteExtra } from "./remote-call.js";
import { RemoteLink } from "./remote-link.js";
import { WIRE_VERSION } from "./wire.js";

/** What a remote pool's links need to know. */
export interface RemoteLinkSettings {
  /** Makes the engine, once something is submitted. */
  readonly engine: () => Engine;
  readonly build: string | undefined;
  readonly lostRetries: number;
  readonly maxValueBytes: number;
  /** Milliseconds for which outcomes are kept. */
  readonly keep: number;
  readonly sweepEvery: number;
}

/** The way to a worker and back takes a millisecond or two of the server's and both programs' time. */
const CHUNKING = { milliseconds: 40, most: 64, first: 16 } as const;
const APART = "workers of this RemotePool";

export function remoteKind(settings: RemoteLinkSettings): LinkKind {
  return {
    boundary: "processes",
    lacks: ["shared objects", "moved buffers", "a cancel inside a computation", "a way past this event loop"],
    isShared: true,
    check() {},
    connect: (pool) => new RemoteLinks(pool, settings),
  };
}

/** The one link of a pool to its queue. */
export class RemoteLinks implements Links {
  readonly id = 0;
  readonly chunking = CHUNKING;
  readonly #pool: LinkedPool;
  readonly #settings: RemoteLinkSettings;
  /** Ids that nobody gave begin with it, so that no other pool has the same. */
  readonly #name = randomUUID().replaceAll("-", "").slice(0, 20);
  #numbered = 0;
  readonly #segments = new WeakMap<Segment, string>();
  #width: number | undefined;
  #link: RemoteLink | undefined;

  constructor(pool: LinkedPool, settings: RemoteLinkSettings) {
    this.#pool = pool;
    this.#settings = settings;
  }

  /** The longest that a task may carry. */
  get maxValueBytes(): number {
    return this.#settings.maxValueBytes;
  }

  nextName(): number {
    return 1;
  }

  now(): number {
    return realNow();
  }

  open(watch: LinkWatch, settings: PoolSettings): WorkerLink {
    this.#link = new RemoteLink(
      watch,
      this.#pool,
      this.#settings.engine(),
      this.#width ?? settings.workers,
      this.#settings.sweepEvery,
    );
    return this.#link;
  }

  resize(width: number): void {
    this.#width = width;
    if (this.#link !== undefined) this.#link.width = width;
  }

  pack(job: Job): void {
    const { build, lostRetries, maxValueBytes, keep } = this.#settings;
    const task = remoteName(job.task, build);
    const message = job.encode("processes", APART);
    const extra = job.call.extra as RemoteExtra | undefined;
    checkLength(message.length, maxValueBytes, job.isChunk ? "items" : "args", () =>
      job instanceof Chunk ? job.segment.items.slice(job.from, job.to) : undefined,
    );
    const bytes = message.toBytes();
    const { key, first } = this.#keyOf(job, extra);
    const isGiven = extra?.id !== undefined;
    const digest = isGiven
      ? createHash("sha256").update(`${task}\n${job.isChunk}\n`).update(bytes).digest("base64url")
      : undefined;
    const which = !job.isChunk ? key : job.size === 1 ? `${key}/${first}` : `${key}/${first}-${first + job.size - 1}`;
    const id = job.attempts === 1 ? which : `${which}~${job.attempts}`;
    const { taskTimeout, priority } = job.call;
    const cargo: RemoteCargo = {
      id,
      valueKey: `${id}.args.${this.#name}`,
      bytes,
      digest,
      priority,
      // A later attempt has waited already.
      delay: job.attempts === 1 ? (extra?.delay ?? 0) : 0,
      wire: {
        v: WIRE_VERSION,
        lib: libraryVersion(),
        task,
        chunk: job.isChunk,
        stops: job.stops,
        attempt: job.attempts,
        lost: lostRetries,
        limit: taskTimeout === Number.POSITIVE_INFINITY ? 0 : taskTimeout,
        most: maxValueBytes,
        keep,
        key,
        first,
        ...(extra?.traceparent === undefined ? {} : { trace: extra.traceparent }),
        ...(digest === undefined ? {} : { digest }),
      },
    };
    job.cargo = cargo;
  }

  /** The same for all attempts of a job. Of a map under an id it is its item's. */
  #keyOf(job: Job, extra: RemoteExtra | undefined): { readonly key: string; readonly first: number } {
    if (!(job instanceof Chunk)) {
      const before = job.cargo as RemoteCargo | undefined;
      return { key: extra?.id ?? before?.wire.key ?? this.#newKey(), first: 0 };
    }
    const { segment, from } = job;
    if (extra?.id !== undefined) return { key: extra.id, first: segment.base + from };
    // What is tried again is another chunk of the same segment.
    let key = this.#segments.get(segment);
    if (key === undefined) this.#segments.set(segment, (key = this.#newKey()));
    return { key, first: from };
  }

  #newKey(): string {
    return `${this.#name}-${++this.#numbered}`;
  }

  keep(): void {}

  discard(job: Job): void {
    job.cargo = undefined;
  }

  expect(): void {}
  settle(): void {}

  isAlive(): boolean {
    return true;
  }

  lateError(job: Job, late: Error): Error | undefined {
    if (this.#link?.isKnown(job) !== false) return undefined;
    return new RemoteUnavailableError(`${late.message}: the server could not be reached, or has not confirmed it`, {
      reason: "unreachable",
      cause: late,
    });
  }

  reportOf(): DeadlockReport {
    throw new StateError("tasks of a RemotePool have no handle of it by which they could wait for each other");
  }

  end(): void {}
}
