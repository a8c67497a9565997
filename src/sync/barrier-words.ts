/** The words of a Barrier, and how its rounds end. */
import { MONITOR_WORDS } from "../objects/index.js";
import { HOLD_TABLE_WORDS, type HoldTable } from "./hold-table.js";

export const BARRIER = {
  parties: MONITOR_WORDS,
  /** How many have arrived in this round. Derived from the table. */
  arrived: MONITOR_WORDS + 1,
  /** Number of the round. */
  round: MONITOR_WORDS + 2,
  /** One bit for each of the last 32 rounds: set when it ended broken. */
  failures: MONITOR_WORDS + 3,
  /** 1 once broken, until `reset()`. */
  broken: MONITOR_WORDS + 4,
  /** 1 more than the milliseconds that a party waits by default, low and high word; 0 for ever. Set once. */
  timeoutLow: MONITOR_WORDS + 5,
  timeoutHigh: MONITOR_WORDS + 6,
  /** Who waits in this round, and how often. */
  waiting: MONITOR_WORDS + 7,
} as const;
export const BARRIER_WORDS = BARRIER.waiting + HOLD_TABLE_WORDS;

/** Writes down how long a party waits that does not say, in milliseconds; Infinity for ever. */
export function writeTimeout(words: Int32Array, at: number, timeout: number): void {
  const stored = timeout < Number.MAX_SAFE_INTEGER ? Math.ceil(timeout) + 1 : 0;
  words[at + BARRIER.timeoutLow] = stored;
  words[at + BARRIER.timeoutHigh] = Math.floor(stored / 2 ** 32);
}

/** How long a party waits that does not say. */
export function timeoutOf(words: Int32Array, at: number): number {
  const stored = (words[at + BARRIER.timeoutLow]! >>> 0) + words[at + BARRIER.timeoutHigh]! * 2 ** 32;
  return stored === 0 ? Number.POSITIVE_INFINITY : stored - 1;
}

/** The next round begins. Inside the mutex. */
export function endRound(words: Int32Array, at: number, waiting: HoldTable, failed: boolean): void {
  const bit = 1 << (words[at + BARRIER.round]! & 31);
  words[at + BARRIER.failures] = failed ? words[at + BARRIER.failures]! | bit : words[at + BARRIER.failures]! & ~bit;
  waiting.clear();
  words[at + BARRIER.arrived] = 0;
  words[at + BARRIER.round] = (words[at + BARRIER.round]! + 1) | 0;
}

/** A barrier is broken while a round goes on only where a party has left word. Inside the mutex. */
export function breakIfLeft(words: Int32Array, at: number, waiting: HoldTable): void {
  if (words[at + BARRIER.broken] === 1 && words[at + BARRIER.arrived]! > 0) endRound(words, at, waiting, true);
}

/** Whether one of the last 32 rounds ended broken. */
export function hasFailed(failures: number, round: number): boolean {
  return (failures & (1 << (round & 31))) !== 0;
}
