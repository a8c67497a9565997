/**
 * A lane: one block of shared memory between a pool and one of its workers. It has two rings (channels/ring.ts): of
 * jobs to the worker, and of results back.
 *
 * A job that was committed may still be taken back: its state word goes from READY to TAKEN by the worker's CAS or to
 * TAKEN_BACK by the pool's, never both. So may one of a worker that died before it had opened it: from TAKEN to OPENED,
 * or to TAKEN_BACK.
 * `docs/design/pools.md` has the table of who writes which word when.
 * Rejected: one ring for all workers. A worker killed between claiming a slot and taking it would stop everybody behind
 * it.
 */
import { NO_RECORD, type RingLayout, RingReader } from "../channels/ring.js";
import { losePayload, MOST_INLINE_BYTES } from "../codec/payload.js";
import { atomics, type Heap, onDestroy } from "../memory/index.js";
import { onNames } from "../objects/index.js";
import { KIND } from "./kinds.js";

/** Words of a lane, from its block's first. The worker's and the pool's stand in cache lines of their own. */
export const LANE = {
  /** Position after the last committed job. */
  jobsTail: 0,
  /**
   * Sequence number of the job that shall stop, 0 for none. In a wide lane, how often a job was asked to stop: each has
   * its own word for that.
   */
  cancelled: 1,
  /** The key for which the pool waits. */
  ownerKey: 2,
  /** How many tasks the worker has under way at a time, 0 for one. More make the lane a wide one, which has a table. */
  width: 3,
  /** ASLEEP or IN_LOOP while a worker may sleep that waits for a job; its offset is the worker's key. */
  workerWaits: 8,
  /** OWNER_IN_LOOP or OWNER_BLOCKED while the pool may sleep that waits for results. */
  ownerWaits: 9,
  /** Position of the first job whose room is still in use. */
  jobsHead: 16,
  /** Position after the last committed result. */
  resultsTail: 17,
  /**
   * When the last taken job was begun: the system's monotonic clock in milliseconds, low 32 bits. 0 while its task's
   * module is loaded.
   */
  begunAt: 18,
  /** Which item of a chunk is run. */
  item: 19,
  /** Worker id, 0 until it has begun. */
  worker: 20,
  /** 1 while the running task has returned a promise that is not settled: the event loop turns. */
  awaits: 21,
  /** 1 once its tasks have started workers that are no daemons: it does not end before they do. */
  isParent: 22,
  /** With which a thread ends, plus 1, as it has told itself; 0 while it has not. */
  exitCode: 23,
  /** Position of the first result whose room is still in use. */
  resultsHead: 32,
  jobs: 48,
} as const;

/** Words of each ring: a lane fits into two pages. */
export const RING_WORDS = 4064;
export const JOBS: RingLayout = { tail: LANE.jobsTail, head: LANE.jobsHead, records: LANE.jobs, size: RING_WORDS };
export const RESULTS: RingLayout = {
  tail: LANE.resultsTail,
  head: LANE.resultsHead,
  records: LANE.jobs + RING_WORDS,
  size: RING_WORDS,
};
export const LANE_WORDS = RESULTS.records + RING_WORDS;

/** The table of a wide lane, behind its rings: what its loop has heard, and an entry for each task under way. */
export const TABLE = {
  /** The last count of `cancelled` that the worker's loop has heard of. */
  heard: LANE_WORDS,
  entries: LANE_WORDS + 4,
} as const;

/** Words of an entry: the worker writes all but the last. */
export const ENTRY = {
  /** Sequence number of the job, 0 for none. Written after the others, and before the job is taken. */
  sequence: 0,
  begunAt: 1,
  item: 2,
  /** The sequence number of the job once it shall stop. */
  cancelled: 3,
} as const;
export const ENTRY_WORDS = 4;

/** The header of a job's record. */
export const JOB = {
  /** Words of the record << STATE_BITS | its state. Never 0. */
  state: 0,
  sequence: 1,
  /** Number of the task within this lane. */
  task: 2,
  /**
   * What it is << KIND_SHIFT | attempt << ATTEMPT_SHIFT | bytes of the payload (or 4, for the block of a stored one).
   */
  what: 3,
  payload: 4,
} as const;

/** The header of a result's record. */
export const RESULT = {
  /** Of the job, OF_NO_JOB where there is none. Never 0. */
  sequence: 0,
  /** As a job's, without an attempt. */
  what: 1,
  /** How many outcomes of a chunk it holds. */
  count: 2,
  /**
   * Microseconds that the worker spent on the job, in its last record; in news, the item of a chunk that they are of.
   */
  time: 3,
  payload: 4,
} as const;

export const HEADER_WORDS = 4;

/** Where the sequence number of a job would stand. */
export const OF_NO_JOB = -1;

/** States of a job's record. */
export const READY = 1;
export const TAKEN = 2;
export const TAKEN_BACK = 3;
/**
 * Taken, and its payload is being decoded, or was: what that holds becomes the worker's. Only of payloads that are
 * STORED or HOLD something.
 */
export const OPENED = 4;
export const STATE_BITS = 3;
export const STATE_MASK = 7;

export const KIND_SHIFT = 20;
export const KIND_MASK = 0x7ff;
export const ATTEMPT_SHIFT = 12;
export const MOST_ATTEMPTS = 0xff;
export const LENGTH_MASK = 0xfff;

/**
 * Flags of a record's kind. STORED: the payload is the block of a stored message. ATTACHED: more of it comes through
 * the port.
 */
export const STORED = 1;
export const ATTACHED = 2;
/** Of jobs. CHUNK: the payload is `[bound arguments, items, how each item becomes arguments]`. */
export const CHUNK = 4;
/** A chunk ends with the first item that fails. */
export const STOPS = 8;
/** Not a job: the payload tells which task a number stands for. */
export const DEFINE = 16;
/** Not a job: the worker shall end. */
export const CLOSE = 32;
/** Its payload holds shared objects. */
export const HOLDS = 64;
/** In a wide lane: nothing else is begun before this job has ended. */
export const ALONE = 128;
/** Of results. THREW: the payload is an error. */
export const THREW_FLAG = 4;
/** The last record of its job. */
export const LAST = 8;
/** Not an outcome: news of the running job. */
export const PROGRESS = 16;
/** Not an outcome, and of no job: the payload is what the pool fails of. The worker ends after it. */
export const REFUSED = 32;
/** Not an outcome: the worker has ended its work, and only waits for workers that its tasks started. */
export const LEFT = 64;
/** Not an outcome, and of no job: the payload is the uncaught error that the worker, a process, ends with. */
export const CRASHED = 128;

/**
 * How a worker waits for a job: by its key, as any waiter does; or, a thread, in its event loop for what comes through
 * its port.
 */
export const ASLEEP = 1;
export const IN_LOOP = 2;

/** How a pool waits for results: in its loop, by its key or its ports; or blocking its thread, by the key after. */
export const OWNER_IN_LOOP = 1;
export const OWNER_BLOCKED = 2;

/** What a thread posts to wake its pool, and a pool a thread in its loop, and says nothing else. */
export const RING = 0;
/** What it posts in place of attachments that cannot be posted: their record holds nothing, and another follows. */
export const VOID = 1;

/** Most jobs in one lane that have no last result yet. */
export const MOST_AHEAD = 128;
/**
 * Words that a result's record never takes from the others: each job in the lane can deliver one stored result, and one
 * more in the place of one that is void, so a last result never waits for room.
 */
export const RESERVED_RESULT_WORDS = 2 * MOST_AHEAD * (HEADER_WORDS + 1) + HEADER_WORDS + (MOST_INLINE_BYTES >> 2);

/** How many words a record takes with a payload of so many bytes. */
export const recordWords = (length: number): number => HEADER_WORDS + ((length + 3) >> 2);
/** The length that a record tells of a stored payload: its one word. */
export const STORED_LENGTH = 4;

/** Where a lane stands. */
export class Lane {
  readonly heap: Heap;
  readonly at: number;
  readonly words: Int32Array;
  readonly bytes: Uint8Array;

  constructor(heap: Heap, at: number) {
    this.heap = heap;
    this.at = at;
    heap.reserveWords(at + LANE_WORDS);
    this.words = heap.words;
    this.bytes = heap.bytes;
  }

  /**
   * A new one for a pool that waits for `ownerKey`. It is counted for two: the pool and the worker. `width`: how many
   * tasks the worker has under way at a time.
   */
  static create(heap: Heap, ownerKey: number, width = 1): Lane {
    const at = heap.allocator.allocate(width === 1 ? LANE_WORDS : TABLE.entries + width * ENTRY_WORDS, KIND.lane);
    const lane = new Lane(heap, at);
    lane.words[at + LANE.ownerKey] = ownerKey;
    if (width > 1) lane.words[at + LANE.width] = width;
    heap.allocator.retain(at);
    heap.references.hold(at, lane);
    return lane;
  }

  /**
   * The worker has begun: the hold that was counted for it is its own. Told first, held second: a death in between
   * leaks the lane, the other order would let go twice.
   */
  begin(): void {
    atomics.store(this.words, this.at + LANE.worker, this.heap.self);
    this.heap.references.hold(this.at, this);
  }

  /** With which its worker, a thread, has said that it ends; undefined while it has not. */
  get exitCode(): number | undefined {
    const told = atomics.load(this.words, this.at + LANE.exitCode);
    return told === 0 ? undefined : told - 1;
  }

  set exitCode(code: number) {
    atomics.store(this.words, this.at + LANE.exitCode, code + 1);
  }

  /** Whether its worker has several tasks under way. */
  get isWide(): boolean {
    return this.words[this.at + LANE.width] !== 0;
  }

  /** Worker id, 0 until it has begun. */
  get worker(): number {
    return atomics.load(this.words, this.at + LANE.worker);
  }

  /** The pool is done with it: the worker has ended. */
  free(): void {
    if (this.worker === 0) this.heap.references.letGo(this.at);
    this.heap.references.drop(this.at);
  }
}

onNames(KIND.lane, (_heap, at, strike) => strike(at + LANE.worker));
/**
 * Its last holder is gone: what stands in its rings reaches nobody. A pool that died may have read the first result.
 */
onDestroy(KIND.lane, (heap, at) => {
  const { words } = new Lane(heap, at);
  const drop = (what: number, payload: number, end: "unread" | "uncertain") =>
    losePayload(heap, payload, what & LENGTH_MASK, ((what >>> KIND_SHIFT) & STORED) !== 0, end);
  const jobs = new RingReader(words, at, JOBS);
  for (let record = jobs.next(); record !== NO_RECORD; record = jobs.next()) {
    const state = words[record + JOB.state]!;
    jobs.pass(state >>> STATE_BITS);
    if ((state & STATE_MASK) === READY || (state & STATE_MASK) === TAKEN)
      drop(words[record + JOB.what]!, record + JOB.payload, "unread");
  }
  const results = new RingReader(words, at, RESULTS);
  let end: "unread" | "uncertain" = "uncertain";
  for (let record = results.next(); record !== NO_RECORD; record = results.next()) {
    const what = words[record + RESULT.what]!;
    results.pass(recordWords(what & LENGTH_MASK));
    drop(what, record + RESULT.payload, end);
    end = "unread";
  }
});
