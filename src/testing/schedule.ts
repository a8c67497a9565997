import { ArgumentRangeError } from "../errors/index.js";
import { FIRE, KILL, MOST_DECISIONS, MOST_PLANNED, THREAD_OF_CHOICE } from "./control-block.js";

/**
 * Where a schedule departs from the one in which each worker goes on until it cannot: pairs of a decision's number and
 * a choice. Written as text it can be printed, kept, and tried again: `12:1 40:0t 55:2x` reads "at step 12 worker 1; at
 * step 40 worker 0, its time having run out; at step 55 worker 2 dies".
 */
export type Schedule = readonly (readonly [decision: number, choice: number])[];

export function formatSchedule(schedule: Schedule): string {
  return schedule
    .map(
      ([decision, choice]) =>
        `${decision}:${choice & THREAD_OF_CHOICE}${choice & FIRE ? "t" : choice & KILL ? "x" : ""}`,
    )
    .join(" ");
}

/** @throws ArgumentRangeError when it is not what `formatSchedule` writes */
export function parseSchedule(text: string): Schedule {
  const schedule = text
    .split(" ")
    .filter((part) => part !== "")
    .map((part) => {
      const match = /^(\d+):(\d)([tx]?)$/.exec(part);
      if (match === null)
        throw new ArgumentRangeError(
          `options.replay must be the schedule of an earlier failure, such as "12:1 40:0t"; "${part}" is no part of one`,
        );
      return [Number(match[1]), Number(match[2]) | (match[3] === "t" ? FIRE : match[3] === "x" ? KILL : 0)] as const;
    });
  if (schedule.length > MOST_PLANNED || schedule.some(([decision]) => decision >= MOST_DECISIONS))
    throw new ArgumentRangeError(
      `options.replay is too long: at most ${MOST_PLANNED} parts, of steps below ${MOST_DECISIONS}`,
    );
  return schedule;
}
