/**
 * Where a job stands. The table below says which state may follow which; `JobStates` alone moves a job from one to
 * another, and counts.
 *
 * | state | the job |
 * |---|---|
 * | held | is in the hands of the pool: it is new, or back from a line, a worker or a delay, and the pool decides what becomes of it |
 * | queued | waits in the backlog |
 * | assigned | was given to a worker, which has not begun it as far as is known |
 * | running | was begun by its worker |
 * | abandoned | is over for its caller, and its worker has it still |
 * | delayed | waits for its next attempt |
 * | settled | is over |
 */
import { StateError } from "../errors/index.js";

const HELD = 0;
const QUEUED = 1;
const ASSIGNED = 2;
const RUNNING = 3;
const ABANDONED = 4;
const DELAYED = 5;
const SETTLED = 6;
const NAMES = ["held", "queued", "assigned", "running", "abandoned", "delayed", "settled"] as const;

export type JobState = (typeof NAMES)[number];

const FOLLOWS: Record<JobState, readonly JobState[]> = {
  held: ["queued", "assigned", "delayed", "settled"],
  queued: ["held"],
  assigned: ["running", "held", "abandoned"],
  running: ["held", "abandoned"],
  abandoned: ["settled"],
  delayed: ["held"],
  settled: [],
};
/** The same as bits: which states may follow the one of this number. */
const ALLOWED = NAMES.map((from) => FOLLOWS[from].reduce((bits, to) => bits | (1 << NAMES.indexOf(to)), 0));

/** Who has a job: a worker's slot. */
export interface JobHolder {
  /** Whether the worker has begun this job of its own. */
  hasBegun(job: StatedJob): boolean;
}

/** What has a state. Everybody may read it, and `JobStates` alone writes it. */
export abstract class StatedJob {
  // Assigned by the constructor: an initializer is a call for each class that a job is of, and programs make jobs by
  // the million.
  declare readonly stands: number;
  /** The worker that has it. */
  declare readonly holder: JobHolder | undefined;

  constructor() {
    this.stands = HELD;
    this.holder = undefined;
  }

  get state(): JobState {
    return NAMES[this.stands]!;
  }

  /** Nobody wants what comes of it any more. */
  get isOver(): boolean {
    return this.stands === SETTLED || this.stands === ABANDONED;
  }
}

/** The door for `JobStates`, which is the only one to write what all others read. */
type Written = { -readonly [Field in "stands" | "holder"]: StatedJob[Field] };

/**
 * The states of the jobs of one pool. Each method is a transition, and throws a StateError where the table has none.
 */
export class JobStates {
  readonly #counts = new Int32Array(NAMES.length);

  /** How many jobs are in this state; none is counted as held or settled. */
  count(state: Exclude<JobState, "held" | "settled">): number {
    return this.#counts[NAMES.indexOf(state)]!;
  }

  /** How many jobs workers have. */
  get inFlight(): number {
    const counts = this.#counts;
    return counts[ASSIGNED]! + counts[RUNNING]! + counts[ABANDONED]!;
  }

  queue(job: StatedJob): void {
    this.#move(job, QUEUED);
  }

  unqueue(job: StatedJob): void {
    this.#leave(job, QUEUED);
  }

  assign(job: StatedJob, holder: JobHolder): void {
    this.#move(job, ASSIGNED);
    (job as Written).holder = holder;
  }

  /** It is known that its worker has begun it. */
  begin(job: StatedJob): void {
    this.#move(job, RUNNING);
  }

  /** Its worker has not begun it, and never will. */
  takeBack(job: StatedJob): void {
    this.#leave(job, ASSIGNED);
    (job as Written).holder = undefined;
  }

  /** Its worker has it no more: it has ended the job, or itself. A caller that abandoned the job hears of nothing. */
  release(job: StatedJob): void {
    if (job.stands === ABANDONED) this.#move(job, SETTLED);
    else this.#leave(job, job.stands === RUNNING ? RUNNING : ASSIGNED);
    (job as Written).holder = undefined;
  }

  delay(job: StatedJob): void {
    this.#move(job, DELAYED);
  }

  undelay(job: StatedJob): void {
    this.#leave(job, DELAYED);
  }

  /** It is over for the caller that wanted it. */
  settle(job: StatedJob): void {
    this.#move(job, job.holder === undefined ? SETTLED : ABANDONED);
  }

  /** Back into the hands of the pool, from the state in which it must be. */
  #leave(job: StatedJob, from: number): void {
    if (job.stands !== from) refuse(job.stands, HELD);
    this.#counts[from]!--;
    (job as Written).stands = HELD;
  }

  #move(job: StatedJob, to: number): void {
    const from = job.stands;
    if ((ALLOWED[from]! & (1 << to)) === 0) refuse(from, to);
    const counts = this.#counts;
    if (from !== HELD) counts[from]!--;
    if (to !== HELD && to !== SETTLED) counts[to]!++;
    (job as Written).stands = to;
  }
}

function refuse(from: number, to: number): never {
  throw new StateError(
    `a job of a pool that is ${NAMES[from]} cannot become ${NAMES[to]}: this is a fault in allcores, please report it`,
  );
}
