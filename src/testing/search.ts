/**
 * Every schedule of a program with at most so many pre-emptions and deaths, one after the other, without those that can
 * show nothing new.
 *
 * Depth first: each execution follows a plan and then goes on as preferred; what it might have done otherwise after the
 * plan's end becomes further plans. Left out: a switch before an operation at a place where workers never meet, and
 * whatever follows from a past that was met before with no fewer pre-emptions left.
 */
import { FIRE, KILL, NOBODY } from "./control-block.js";
import type { Causality } from "./causality.js";
import type { Schedule } from "./schedule.js";
import type { Trace } from "./trace.js";

/** A plan as it is kept while it waits: what it adds to the one it departs from. */
interface Branch {
  readonly from: Branch | undefined;
  readonly decision: number;
  readonly choice: number;
}

export interface SearchBounds {
  readonly preemptions: number;
  readonly deaths: number;
  /** Who may die, one bit each. */
  readonly mortal: number;
}

export class Search {
  readonly #bounds: SearchBounds;
  readonly #causality: Causality;
  readonly #seen = new Map<number, number>();
  readonly #waiting: (Branch | undefined)[] = [undefined];
  #conflictsAtStart: number;
  #current: Branch | undefined;

  constructor(bounds: SearchBounds, causality: Causality) {
    this.#bounds = bounds;
    this.#causality = causality;
    this.#conflictsAtStart = causality.conflicts;
  }

  /** How many plans wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** The next plan; undefined when all have been tried. */
  next(): Schedule | undefined {
    if (this.#waiting.length === 0) {
      // Places have turned out to be met at: schedules that were left out for them are due.
      if (this.#causality.conflicts === this.#conflictsAtStart) return undefined;
      this.#conflictsAtStart = this.#causality.conflicts;
      this.#seen.clear();
      this.#waiting.push(undefined);
    }
    this.#current = this.#waiting.pop();
    const schedule: (readonly [number, number])[] = [];
    for (let branch = this.#current; branch !== undefined; branch = branch.from)
      schedule.push([branch.decision, branch.choice]);
    return schedule.reverse();
  }

  /** Takes in what the plan that `next` gave led to. */
  learn(trace: Trace): void {
    const { preemptions: most, deaths: mostDeaths, mortal } = this.#bounds;
    const causality = this.#causality;
    causality.restart();
    const first = this.#current === undefined ? 0 : this.#current.decision + 1;
    let preemptions = 0;
    let deaths = 0;
    for (let decision = 0, fresh = true; decision < trace.length; decision++) {
      if (decision >= first && fresh && !trace.isRescue(decision)) {
        const goesOn = trace.couldGoOn(decision);
        const meets = trace.operation(decision) !== undefined && causality.isConflicted(trace.location(decision));
        // Places where workers meet only once one of them is dead are not known before one died: a death is tried
        // everywhere.
        const dies = goesOn && deaths < mostDeaths && (mortal & (1 << trace.before(decision))) !== 0;
        if (!goesOn || meets || dies) {
          const left = most - preemptions;
          const key = causality.key((goesOn ? trace.before(decision) : NOBODY) + 16 * deaths);
          if ((this.#seen.get(key) ?? -1) >= left) {
            fresh = false;
          } else {
            this.#seen.set(key, left);
            if (!goesOn || meets) this.#branch(trace, decision, goesOn ? 1 : 0, left);
            if (dies && trace.chosen(decision) === trace.before(decision) && trace.isStep(decision))
              this.#wait(decision, KILL | trace.before(decision));
          }
        }
      }
      if (trace.preempted(decision)) preemptions++;
      if (trace.killed(decision)) deaths++;
      causality.add(trace, decision);
    }
  }

  #branch(trace: Trace, decision: number, cost: number, left: number): void {
    const chosen = trace.choice(decision);
    const could = trace.could(decision);
    const timed = trace.timed(decision);
    for (let thread = 0; thread < trace.threads; thread++) {
      const bit = 1 << thread;
      if (could & bit && thread !== chosen && cost <= left) this.#wait(decision, thread);
      if (timed & bit && (could === 0 || left > 0) && chosen !== (FIRE | thread)) this.#wait(decision, FIRE | thread);
    }
  }

  #wait(decision: number, choice: number): void {
    this.#waiting.push({ from: this.#current, decision, choice });
  }
}
