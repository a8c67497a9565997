/**
 * The internal mutex: one word that holds the id of the worker inside, 0 for nobody, and beside it whether somebody may
 * sleep on the word. It guards sections of well under a microsecond, so waiters spin first. Where more threads run than
 * there are cores the holder may be off its core for milliseconds: then they sleep, and leaving wakes one, as in
 * Drepper's "Futexes are tricky" (mutex 2).
 *
 * Entering is barging: nothing is handed to a sleeper, so the worker that leaves may enter again before the woken one
 * runs, and wakes nobody meanwhile. Who has slept enters with SLEEPERS set, since others may sleep still. A wake-up
 * that died with its receiver, or with the one who left, costs the others their nap. A holder that died is noticed by
 * its id: `enter` then returns true, and the caller rebuilds what the dead worker may have left half done from the
 * words that are the truth. A holder that is stopped keeps everybody out. A waiter with a time limit (time-limit.ts)
 * gives up then once its time is over: it has changed nothing but the flag, which costs one wake-up. A holder that
 * merely waits for a processor is waited for, so that a try fails only where it must. A holder that could go on and is
 * inside for 10 s is none: the word was written over (suspicion.ts).
 * Rejected: naps alone (64 workers that nap 1 ms keep two cores busy waking up), and parking as primitives do (a wait
 * would need a second waiter node).
 */
import { CorruptError } from "../errors/index.js";
import { compareExchange, controlled, exchange, load, slice, spins } from "#atomics";
import { realNow } from "./clock.js";
import type { Regions } from "./regions.js";
import { GHOST, RECORD, recordOf } from "./layout.js";
import { Spin } from "./spin.js";
import { Suspicion } from "./suspicion.js";
import { stall, timeLeft } from "./time-limit.js";
import { isHalted } from "../platform/index.js";

/**
 * Beside the holder: somebody may sleep on the word, so leaving must wake. The sign, so that leaving asks for nothing
 * else.
 */
export const SLEEPERS = 1 << 31;
const HOLDER = ~SLEEPERS;
/** Of this thread, in any mutex: what decides is how many threads run. */
const spin = new Spin(200);
/** What a lost wake-up costs at most. */
const NAP_MS = slice(20);
/** The nap of a waiter whose time is over. It asks about the holder after each: a time limit is kept to some 10 ms. */
const LAST_NAP_MS = slice(5);
/** Where the system does not tell whether the holder is stopped, a waiter whose time is over for so long gives up. */
const GRACE_MS = 25;
/** How long a woken waiter has to enter before the worker that gives way enters again. */
const WAY_MS = 0.2;
/**
 * A waiter asks the kernel about the holder five times a second: that is a file of /proc to read, and a holder that
 * waits for a core would wait longer for it.
 */
const NAPS_BETWEEN_LOOKS = spins(10);

/** Enters; true when the section was left by a worker that died inside it. Must not be nested in itself. */
export function enter(heap: Regions, at: number): boolean {
  return compareExchange(heap.words, at, 0, heap.self) === 0 ? false : enterSlow(heap, at);
}

function enterSlow(heap: Regions, at: number): boolean {
  const { words, self } = heap;
  let mine = self;
  let suspicion: Suspicion | undefined;
  let overSince: number | undefined;
  for (let naps = 0; ; ) {
    for (let looks = spin.looks; looks > 0; looks--) {
      if (load(words, at) === 0 && compareExchange(words, at, 0, mine) === 0) {
        spin.paid();
        return false;
      }
    }
    spin.failed();
    const word = load(words, at);
    if (word === 0) continue;
    const holder = word & HOLDER;
    // Sections are not nested, so this worker is not inside: somebody else wrote its id there.
    if (holder === self) throw spoilt(at, "this very worker is inside");
    if (
      !(naps % NAPS_BETWEEN_LOOKS === NAPS_BETWEEN_LOOKS - 1
        ? heap.liveness.confirmAlive(holder)
        : heap.liveness.isAlive(holder))
    ) {
      if (compareExchange(words, at, word, mine | (word & SLEEPERS)) === word) return true;
      continue;
    }
    const left = timeLeft();
    if (left <= 0 && (naps > 0 || isKnownStalled(words, at, holder))) {
      const now = realNow();
      overSince ??= now;
      const seen = heap.liveness.threadStatOf(holder);
      if (seen === undefined && !heap.liveness.confirmAlive(holder)) continue;
      if ((seen && isHalted(seen)) ?? now - overSince > GRACE_MS) {
        noteStalled(words, at, holder);
        stall();
      }
    }
    // Pairs with the exchange in `leave`: it finds the flag, or this finds another word.
    if (word > 0 && compareExchange(words, at, word, word | SLEEPERS) !== word) continue;
    heap.sleep(at, holder | SLEEPERS, left <= 0 ? LAST_NAP_MS : Math.min(NAP_MS, left));
    mine = self | SLEEPERS;
    naps++;
    if (controlled) continue;
    suspicion ??= new Suspicion();
    const now = realNow();
    if (
      suspicion.isDue(load(words, at), load(words, recordOf(holder) + RECORD.leaves), now) &&
      suspicion.look(heap.liveness.threadStatOf(holder), now)
    )
      throw spoilt(
        at,
        `worker ${holder} has been inside for ten seconds, which takes a microsecond, though nothing keeps that worker from going on`,
      );
  }
}

/**
 * Enters if that is possible without waiting, for a worker that may be inside another section: waiting could close into
 * a circle. As `enter`; undefined when somebody is inside, this very worker perhaps.
 */
export function tryEnter(heap: Regions, at: number): boolean | undefined {
  const { words, self } = heap;
  for (let looks = spin.looks; looks >= 0; looks--) {
    const word = load(words, at);
    const holder = word & HOLDER;
    if (holder === self) return undefined;
    if (holder !== 0 && heap.liveness.isAlive(holder)) continue;
    if (compareExchange(words, at, word, self | (word & SLEEPERS)) === word) return holder !== 0;
  }
  return undefined;
}

/**
 * The mutex that this thread gave up last: who comes there again, as an awaiting caller's loop does, need not nap
 * before it asks about the holder.
 */
let stalledWords: Int32Array | undefined;
let stalledAt = 0;
let stalledHolder = 0;

function noteStalled(words: Int32Array, at: number, holder: number): void {
  stalledWords = words;
  stalledAt = at;
  stalledHolder = holder;
}

function isKnownStalled(words: Int32Array, at: number, holder: number): boolean {
  return stalledHolder === holder && stalledAt === at && stalledWords === words;
}

function spoilt(at: number, what: string): CorruptError {
  return new CorruptError(`the mutex at word ${at} of shared memory says that ${what}: the word was written over`);
}

/** True when somebody may have slept on the word, and was woken. */
export function leave(heap: Regions, at: number): boolean {
  if (exchange(heap.words, at, 0) >= 0) return false;
  countLeave(heap);
  heap.wakeSleeper(at);
  return true;
}

/** For waiters that suspect the word (suspicion.ts), of which the explorer has none. */
function countLeave(heap: Regions): void {
  if (!controlled) heap.words[heap.record + RECORD.leaves]! += 1;
}

/**
 * A worker that has left a section and will enter it again calls it between the two. Entering is barging, and the woken
 * waiter needs some microseconds to run.
 */
export function giveWay(heap: Regions): void {
  // On a word where nobody else sleeps: there, a wake-up meant for a waiter could be taken.
  if (!controlled) heap.sleep(heap.record + RECORD.blocking, load(heap.words, heap.record + RECORD.blocking), WAY_MS);
}

/** Leaves what a dead worker had left half done to the next one. */
export function leaveUnmended(heap: Regions, at: number): void {
  if (exchange(heap.words, at, GHOST) >= 0) return;
  countLeave(heap);
  heap.wakeSleeper(at);
}
