import type { Message } from "../../codec/index.js";
import type { Outgoing } from "../../codec/payload.js";
import { poolReport } from "../../diagnosis/report.js";
import type { DeadlockReport } from "../../errors/deadlock-report.js";
import { HEADER, KIND, realNow } from "../../memory/index.js";
import { tooManyWorkers } from "../../parking/index.js";
import { Lane } from "../../workers/lane.js";
import type { Job } from "../job.js";
import type { BlockingLinks, LinkedPool, LinkKind, Links, LinkWatch, WorkerLink } from "../link.js";
import type { PoolSettings } from "../pool-options.js";
import { LaneCargo, MessageStore } from "./lane-cargo.js";
import { LaneLink, type LanePool } from "./lane-link.js";
import { ResultPoller } from "./result-poller.js";
import type { StartedWorker, WorkerStarter } from "./started-worker.js";
import { TaskNumbers } from "./task-numbers.js";
import { WideLaneLink } from "./wide-lane-link.js";

/** The kind of link whose workers serve lanes, however they are started. */
export function laneKind(starter: WorkerStarter): LinkKind {
  return {
    boundary: starter.boundary,
    lacks: [],
    isShared: false,
    check: (settings) => starter.check(settings),
    connect: (pool) => new LaneLinks(starter, pool),
  };
}

/** The links of a pool whose workers serve lanes in the heap of its reach. */
class LaneLinks implements Links, LanePool {
  readonly starter: WorkerStarter;
  readonly numbers = new TaskNumbers();
  readonly store: MessageStore;
  readonly blocking: BlockingLinks;
  readonly #pool: LinkedPool;
  readonly #links = new Set<LaneLink>();
  readonly #poller: ResultPoller;
  /** The block by whose place the pool waits in its loop, by the word after it while blocked; 0 without workers. */
  #key = 0;

  constructor(starter: WorkerStarter, pool: LinkedPool) {
    this.starter = starter;
    this.#pool = pool;
    this.store = new MessageStore(starter);
    const poller = new ResultPoller(this.#links, starter, pool, () => this.#key);
    this.#poller = poller;
    this.blocking = {
      block: (until) => poller.block(until),
      noticeEnds: () => {
        for (const link of this.#links) link.noticeEnd();
      },
      unblock: () => poller.unblock(),
    };
  }

  get id(): number {
    return this.#key;
  }

  nextName(): number {
    return this.starter.heap.registry.nextName(HEADER.poolNames);
  }

  now(): number {
    return realNow();
  }

  resize(): void {}

  open(watch: LinkWatch, settings: PoolSettings): WorkerLink {
    const { heap } = this.starter;
    if (this.#key === 0) {
      this.#key = heap.allocator.allocate(2, KIND.plain);
      heap.references.hold(this.#key, this);
    }
    // Those that were started and have not entered yet will.
    let coming = 0;
    for (const link of this.#links) if (!link.isReady) coming++;
    if (!heap.registry.hasRoomFor(coming + 1)) throw tooManyWorkers();
    const width = settings.tasksPerWorker;
    const lane = Lane.create(heap, this.#key, width);
    let started: StartedWorker;
    try {
      started = this.starter.start(watch, lane.at, settings, this.#pool.agenda, (end) => watch.ended(end));
    } catch (error) {
      lane.free();
      throw error;
    }
    const link =
      width === 1 ? new LaneLink(this, lane, started, watch) : new WideLaneLink(this, lane, started, watch, width);
    this.#links.add(link);
    this.#poller.include(link);
    return link;
  }

  detached(link: LaneLink): void {
    this.#links.delete(link);
  }

  pack(job: Job): void {
    const message = job.encode(this.starter.boundary);
    job.cargo = message.attachments.length > 0 ? new LaneCargo(message, message) : message;
  }

  keep(job: Job): void {
    const { cargo } = job;
    if (cargo instanceof LaneCargo) {
      const message = cargo.payload as Message;
      cargo.payload = this.store.keep(message);
      message.release();
    } else job.cargo = this.store.keep(cargo as Message);
  }

  discard(job: Job): void {
    const { cargo } = job;
    job.cargo = undefined;
    const payload = cargo instanceof LaneCargo ? cargo.payload : (cargo as Outgoing | undefined);
    if (payload !== undefined) this.store.discard(payload);
  }

  expect(sleeps: boolean): void {
    this.#poller.watch(sleeps);
  }

  settle(): void {
    this.#poller.settle();
  }

  isAlive(worker: number): boolean {
    return this.starter.heap.registry.confirmAlive(worker);
  }

  reportOf(workers: readonly number[], title: string): DeadlockReport {
    return poolReport(this.starter.heap, workers, { title, id: this.#key });
  }

  end(): void {
    if (this.#key !== 0) this.starter.heap.references.drop(this.#key);
  }
}
