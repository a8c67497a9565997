/** The program as it is at one moment: workers, what they hold and wait for, objects and their state, pools, memory. */
import type { ReportedObject, ReportedWorker } from "../errors/deadlock-report.js";
import { type Block, BLOCKING, HEADER, type Heap, realDate, RECORD, UNIT_BYTES } from "../memory/index.js";
import { workerInfo } from "../parking/index.js";
import { insightInto } from "../objects/index.js";
import { titleOf, workerAt } from "./identity.js";
import { descriptionOf, labelOf, nameOf } from "./report.js";
import { heapsInSight } from "./settings.js";

/** Something that a worker holds. */
export interface SnapshotHold extends ReportedObject {
  /** How often. */
  readonly count: number;
  /** "reading" or "writing", of an RWLock. */
  readonly how?: string;
}

/** Something that a worker waits for. */
export interface SnapshotWait extends ReportedObject {
  readonly how: "blocking" | "awaiting";
  /** How many callers of that worker. */
  readonly count: number;
  /** For what, where it can be waited for in several ways, as in "writing". */
  readonly purpose?: string;
  /**
   * When the wait began, in milliseconds since 1970, and where it waits: known once it has lasted as long as the
   * detector looks after.
   */
  readonly since?: number;
  readonly stack?: string;
}

/** A worker that is alive. */
export interface SnapshotWorker extends ReportedWorker {
  readonly holds: readonly SnapshotHold[];
  readonly waits: readonly SnapshotWait[];
}

/** A shared object. */
export interface SnapshotObject extends ReportedObject {
  /** How many workers, messages and objects have it. */
  readonly references: number;
  readonly holders: readonly ReportedWorker[];
  readonly waiters: readonly ReportedWorker[];
  /** What its class tells of it: `size` and others of a queue, `free` permits of a semaphore, … */
  readonly state: Readonly<Record<string, unknown>>;
}

/** A pool of this thread. */
export interface PoolState {
  readonly title: string;
  readonly stats: {
    readonly workers: number;
    readonly idle: number;
    readonly running: number;
    readonly queued: number;
  };
}

/** Memory of one reach. */
export interface SnapshotMemory {
  readonly across: "threads" | "processes";
  /** Bytes for objects and messages that are in use, and that were ever handed out. */
  readonly used: number;
  readonly reserved: number;
  /** Bytes ever handed out for large data. */
  readonly data: number;
}

/** What `snapshot()` gives: plain data, and `String(snapshot())` for people. */
export class Snapshot {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** The process that took it. */
  readonly pid: number;
  /** The workers that are alive, with what each holds and waits for. */
  readonly workers: readonly SnapshotWorker[];
  /** The shared objects that are in use. */
  readonly objects: readonly SnapshotObject[];
  /** The pools of the thread that took it. */
  readonly pools: readonly PoolState[];
  /** How much memory each reach has and uses. */
  readonly memory: readonly SnapshotMemory[];

  /** @internal */
  constructor(parts: Omit<Snapshot, "toString">) {
    this.time = parts.time;
    this.pid = parts.pid;
    this.workers = parts.workers;
    this.objects = parts.objects;
    this.pools = parts.pools;
    this.memory = parts.memory;
  }

  /** All of it as text. */
  toString(): string {
    const lines = [`allcores: process ${this.pid} at ${new Date(this.time).toISOString()}`, "workers"];
    for (const worker of this.workers) {
      lines.push(`  ${titleOf(worker)}`);
      for (const hold of worker.holds)
        lines.push(`    holds ${nameOf(hold)}${hold.how === undefined ? "" : ` for ${hold.how}`}${times(hold.count)}`);
      for (const wait of worker.waits) {
        const since = wait.since === undefined ? "" : ` for ${((this.time - wait.since) / 1000).toFixed(1)} s`;
        lines.push(
          `    ${wait.how === "blocking" ? "waits for" : "awaits"} ${nameOf(wait)}${wait.purpose === undefined ? "" : ` (${wait.purpose})`}${times(wait.count)}${since}`,
        );
        if (wait.stack !== undefined) lines.push(...wait.stack.split("\n").map((line) => `      ${line}`));
      }
    }
    lines.push("objects");
    for (const object of this.objects) {
      const state = Object.entries(object.state).map(([name, value]) => `${name} ${String(value)}`);
      const people = (list: readonly ReportedWorker[]) => list.map(({ name }) => name).join(", ");
      if (object.holders.length > 0) state.push(`held by ${people(object.holders)}`);
      if (object.waiters.length > 0) state.push(`waited for by ${people(object.waiters)}`);
      lines.push(`  ${nameOf(object)}, references ${object.references}${state.map((part) => `, ${part}`).join("")}`);
    }
    if (this.pools.length > 0) lines.push("pools");
    for (const { title, stats } of this.pools)
      lines.push(
        `  ${title}: ${stats.workers} workers, ${stats.idle} idle, ${stats.running} tasks running, ${stats.queued} queued`,
      );
    lines.push("memory");
    for (const { across, used, reserved, data } of this.memory)
      lines.push(
        `  across ${across}: ${kibibytes(used)} in use of ${kibibytes(reserved)}, ${kibibytes(data)} for data`,
      );
    return lines.join("\n");
  }
}

let poolsOfThread: () => readonly PoolState[] = () => [];

/** Pools are known to their own thread only. */
export function onSnapshot(pools: () => readonly PoolState[]): void {
  poolsOfThread = pools;
}

/**
 * The program as it is now: every worker with what it holds and waits for, every shared object with its state, this
 * thread's pools, the memory in use. It looks at the memory of this process's threads and, if it is in use, at that
 * between processes; so of another process's workers it sees those that share memory across processes, and not what
 * that one's threads share among themselves. It waits for nobody: what changes meanwhile may be seen half.
 *
 * @returns workers, objects, pools and memory
 * @throws nothing
 * @remarks **Cost:** a walk over all blocks of shared memory.
 *
 * @example
 * ```ts
 * import { Queue, snapshot } from "allcores";
 * const jobs = new Queue({ label: "jobs" });
 * jobs.putSync("a job");
 * const seen = snapshot().objects.find(({ label }) => label === "jobs");
 * console.log(seen?.kind, seen?.state.size); // Queue 1
 * ```
 */
export function snapshot(): Snapshot {
  const workers = new Map<string, SnapshotWorker & { holds: SnapshotHold[]; waits: SnapshotWait[] }>();
  const objects: SnapshotObject[] = [];
  const memory: SnapshotMemory[] = [];
  for (const heap of heapsInSight()) {
    const known = new Map<number, SnapshotWorker & { holds: SnapshotHold[]; waits: SnapshotWait[] }>();
    for (const id of heap.registry.workers()) {
      // One that has ended stands in the registry until somebody looks after it.
      if (!heap.registry.confirmAlive(id)) continue;
      const record = heap.registry.recordOf(id);
      const key = `${heap.words[record + RECORD.pid]}.${heap.words[record + RECORD.tid]}`;
      let worker = workers.get(key);
      if (worker === undefined) workers.set(key, (worker = { ...workerAt(heap, record), holds: [], waits: [] }));
      known.set(id, worker);
    }
    const blocks = heap.allocator.objects().filter(({ kind }) => insightInto(kind) !== undefined);
    const armed = heap.waitQueue.armed();
    const labels = labelsIn(heap, blocks);
    for (const block of blocks) {
      const { at, kind, size, references } = block;
      const insight = insightInto(kind)!;
      const object = named(heap, block, labels);
      const holders = (insight.held?.(heap, at) ?? []).filter(({ worker }) => known.has(worker));
      for (const { worker, count, how } of holders)
        known.get(worker)!.holds.push({ ...object, count, ...(how === undefined ? {} : { how }) });
      const waiters = armed.filter(({ key, worker }) => key >= at && key < at + size && known.has(worker));
      for (const { worker, key, kind, count } of waiters) {
        const purpose = insight.purpose?.(at, key);
        const how = kind === BLOCKING ? "blocking" : "awaiting";
        known.get(worker)!.waits.push({
          ...object,
          how,
          count,
          ...(purpose === undefined ? {} : { purpose }),
          ...longWait(heap, worker, key),
        });
      }
      const briefly = (id: number): ReportedWorker => {
        const { name, model, pid, tid } = known.get(id)!;
        return { name, model, pid, tid };
      };
      objects.push({
        ...object,
        references,
        holders: holders.map(({ worker }) => briefly(worker)),
        waiters: waiters.map(({ worker }) => briefly(worker)),
        state: insight.state?.(heap, at) ?? {},
      });
    }
    memory.push({
      across: heap.across,
      used: heap.allocator.usedWords() * 4,
      reserved: heap.words[HEADER.brk]! * 4,
      data: heap.words[HEADER.dataBrk]! * UNIT_BYTES,
    });
  }
  return new Snapshot({
    time: realDate(),
    pid: process.pid,
    workers: [...workers.values()],
    objects,
    pools: poolsOfThread(),
    memory,
  });
}

/** What this worker calls an object, if it has it; else what one that waits for it calls it. */
function named(heap: Heap, { at, kind }: Block, labels: ReadonlyMap<number, string>): ReportedObject {
  const own = heap.references.find(at);
  const label = (own && labelOf(own)) ?? labels.get(at);
  return { kind: insightInto(kind)!.name, ...(label === undefined ? {} : { label }), across: heap.across, id: at };
}

function labelsIn(heap: Heap, blocks: readonly Block[]): Map<number, string> {
  const found = new Map<number, string>();
  for (const id of heap.registry.workers()) {
    const record = heap.registry.recordOf(id);
    const waitRecord = workerInfo.findWaitRecord(heap, record);
    if (waitRecord === undefined) continue;
    descriptionOf({ heap, record, waitRecord }).objects.forEach((object, index) => {
      const wait = waitRecord.waits[index];
      if (wait !== undefined && object.label !== undefined) found.set(wait.at, object.label);
    });
  }
  for (const { at, kind } of blocks) {
    const own = heap.references.find(at);
    const body = own && insightInto(kind)?.body?.(heap, at);
    const label = own && labelOf(own);
    if (body !== undefined && label !== undefined) found.set(body, label);
  }
  return found;
}

function longWait(heap: Heap, worker: number, key: number): { since?: number; stack?: string } {
  const record = heap.registry.recordOf(worker);
  const waitRecord = workerInfo.findWaitRecord(heap, record);
  const index = waitRecord?.waits.findIndex((wait) => wait.key === key) ?? -1;
  if (waitRecord === undefined || index < 0) return {};
  const stack = descriptionOf({ heap, record, waitRecord }).objects[index]?.stack;
  return { since: waitRecord.since, ...(stack === undefined ? {} : { stack }) };
}

function times(count: number): string {
  return count === 1 ? "" : ` ${count} times`;
}

function kibibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024)} KiB`;
}
