import type { MessagePort } from "node:worker_threads";
import type { Message } from "../codec/index.js";
import { CLOSE, DEFINE, JOB, KIND_SHIFT, LANE, type Lane } from "./lane.js";
import { LaneTable } from "./lane-table.js";
import { LaneWorker } from "./lane-worker.js";
import type { Orders } from "./orders.js";

/**
 * The worker's side of a wide lane. Jobs come out as in any lane, one after the other: the room of one is given back
 * once its arguments are decoded, and it goes on in its entry of the table.
 */
export class WideLaneWorker extends LaneWorker {
  readonly table: LaneTable;
  /** Entries that no job has; the next one to be filled is the last. */
  readonly #free: number[];
  /** That of the job that was taken last. */
  #entry = 0;

  constructor(lane: Lane, port: MessagePort | undefined, orders?: Orders) {
    super(lane, port, orders);
    this.table = new LaneTable(lane);
    this.#free = Array.from({ length: this.table.width }, (_, entry) => entry);
  }

  /** A job that is taken back after this leaves its number in an entry that the next one fills. */
  protected override begins(record: number): void {
    const { words } = this.lane;
    if ((words[record + JOB.what]! >>> KIND_SHIFT) & (DEFINE | CLOSE)) return;
    this.table.fill(this.#free.at(-1)!, words[record + JOB.sequence]!);
  }

  /** The job that was taken has its entry, until `empty`. */
  claim(): number {
    return (this.#entry = this.#free.pop()!);
  }

  empty(entry: number): void {
    this.table.empty(entry);
    this.#free.push(entry);
  }

  override stopClock(): void {
    this.table.stopClock(this.#entry);
  }

  override startClock(): void {
    this.table.startClock(this.#entry);
  }

  /** Commits a result of one of the jobs under way. Another may have been taken, and is being read. */
  replyFor(sequence: number, kind: number, count: number, microseconds: number, message: Message): void {
    const taken = this.sequence;
    this.sequence = sequence;
    try {
      this.reply(kind, count, microseconds, message);
    } finally {
      this.sequence = taken;
    }
  }

  /** Resolves when the pool has asked a job to stop since the last time that the loop has heard of it. */
  async news(): Promise<void> {
    const { heap, at } = this.lane;
    const { table } = this;
    await heap.parker.waitUntil(
      at + LANE.cancelled,
      () => table.asked !== table.heard || undefined,
      Number.POSITIVE_INFINITY,
      undefined,
    );
  }
}
