import { CorruptError, UnknownClassError } from "../errors/index.js";
import { clearRealTimeout, contain, queueRealMicrotask, realNow } from "../memory/index.js";
import { CHUNK, CRASHED, LAST, LEFT, PROGRESS, REFUSED, THREW_FLAG } from "../workers/lane.js";
import { decodeWithClasses } from "../workers/task-module.js";
import type { Crew } from "./crew.js";
import { Histogram } from "./histogram.js";
import type { Job } from "./job.js";
import type { Member } from "./member.js";

/** What comes back in the lanes of a pool, and how it reaches the jobs. */
export class Results {
  /** From the call to its result, less the run; and the run. */
  readonly wait = new Histogram();
  readonly run = new Histogram();
  readonly #crew: Crew;
  readonly #refused: (error: unknown) => void;
  readonly #left: (member: Member) => void;
  readonly #news: (() => void)[] = [];

  /** `left`: a member has ended its work. */
  constructor(crew: Crew, refused: (error: unknown) => void, left: (member: Member) => void) {
    this.#crew = crew;
    this.#refused = refused;
    this.#left = left;
  }

  /** Takes in what stands in a member's lane; returns how many records there were. */
  take(member: Member): number {
    const { owner } = member;
    let found = 0;
    let now = 0;
    while (this.#receives(member)) {
      found++;
      const job = member.inFlight[0];
      const { kind, count, time } = owner;
      if (kind & LEFT) {
        if (!this.#releases(member)) break;
        this.#left(member);
        continue;
      }
      if (job !== undefined && job.sequence !== owner.sequence && !(kind & (REFUSED | CRASHED))) {
        // It is of another job than the one that the worker was given first.
        this.#crew.kill(member);
        break;
      }
      let value: unknown;
      let failed: unknown;
      let isUndecoded = false;
      let later: ReturnType<typeof owner.detach> | undefined;
      try {
        value = owner.read();
      } catch (error) {
        if (error instanceof UnknownClassError) later = owner.detach();
        else {
          isUndecoded = true;
          failed = error;
        }
      }
      const isWrong = job !== undefined && !(kind & (PROGRESS | REFUSED | CRASHED)) && later === undefined && !fits(job, kind, isUndecoded, value, count);
      if (!this.#releases(member)) break;
      if (isWrong) {
        this.#crew.kill(member);
        break;
      }
      if (kind & REFUSED) {
        this.#refused(isUndecoded ? failed : value);
        continue;
      }
      if (kind & CRASHED) {
        // Of a class that is not loaded here: what can be said of it without it.
        member.crash = { error: later !== undefined ? new Error("an error of a class that is not loaded here") : isUndecoded ? failed : value };
        continue;
      }
      if (job === undefined) continue;
      if (kind & PROGRESS) {
        if (isUndecoded || later !== undefined) continue;
        member.news = { sequence: job.sequence, item: time, value };
        this.#tell(() => job.progress(value));
        continue;
      }
      const at = job.outcomes;
      job.outcomes += count;
      const threw = isUndecoded || (kind & THREW_FLAG) !== 0;
      const last = (kind & LAST) !== 0;
      if (last) {
        if (now === 0) now = realNow();
        member.inFlight.shift();
        member.heardAt = now;
        member.isStalled = false;
        if (member.news !== undefined) member.news = undefined;
        if (member.grace !== undefined) {
          clearRealTimeout(member.grace);
          member.grace = undefined;
        }
        const ran = time / 1000;
        this.#crew.ended(ran);
        this.run.add(ran);
        this.wait.add(now - job.submittedAt - ran);
        job.member = undefined;
      }
      if (later === undefined) {
        if (last && count === 0 && !threw) this.#finish(job, time);
        else {
          job.deliver(isUndecoded ? failed : value, threw, at, count);
          if (last) this.#finish(job, time);
        }
      } else void this.#deliverLater(job, later, threw, at, count, last ? time : undefined);
    }
    return found;
  }

  /** A worker in whose lane stands what is no record is ended, and fails its jobs as any that dies. */
  #receives(member: Member): boolean {
    try {
      return member.owner.receive();
    } catch (error) {
      if (!(error instanceof CorruptError)) throw error;
      this.#crew.kill(member);
      return false;
    }
  }

  #releases(member: Member): boolean {
    try {
      member.owner.release();
      return true;
    } catch (error) {
      if (!(error instanceof CorruptError)) throw error;
      this.#crew.kill(member);
      return false;
    }
  }

  /** News, and what follows them, in order and outside of whatever called here. */
  #tell(news: () => void): void {
    if (this.#news.push(news) === 1)
      queueRealMicrotask(() => {
        for (const tell of this.#news.splice(0)) tell();
      });
  }

  /** A result comes after the news that were before it. */
  #finish(job: Job, time: number): void {
    job.endedAfter = time;
    if (job.undelivered > 0) return;
    if (this.#news.length > 0) this.#tell(() => job.finish(time));
    else job.finish(time);
  }

  /** A value of a class whose module is not loaded here: that is done first. */
  async #deliverLater(job: Job, record: { read(): unknown; free(): void }, threw: boolean, at: number, count: number, time: number | undefined): Promise<void> {
    job.undelivered++;
    if (time !== undefined) job.endedAfter = time;
    let value: unknown;
    try {
      value = await decodeWithClasses(record.read);
    } catch (error) {
      threw = true;
      value = error;
    }
    contain("giving back the memory of a result", () => record.free());
    if (!threw && (job.kind & CHUNK) !== 0 && !(Array.isArray(value) && value.length === count)) {
      threw = true;
      value = new CorruptError("the outcomes of a part of a map in shared memory are not as many as it says");
    }
    job.deliver(value, threw, at, count);
    if (--job.undelivered === 0 && job.endedAfter !== undefined) job.finish(job.endedAfter);
  }
}

/** Whether a record may be one of a job's results: no more outcomes than are open, and as many values as it says. */
function fits(job: Job, kind: number, isUndecoded: boolean, value: unknown, count: number): boolean {
  if (!(count >= 0 && job.outcomes + count <= job.size)) return false;
  if ((job.kind & CHUNK) === 0 || isUndecoded || (kind & THREW_FLAG) !== 0) return true;
  return count === 0 ? (kind & LAST) !== 0 : Array.isArray(value) && value.length === count;
}
