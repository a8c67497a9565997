/**
 * Watches over a blocking wait that lasts: puts a notice on the worker's card, looks for a circle that the wait is part of, and, where it is the one chosen, ends the wait
 * with an error or tells of it.
 *
 * One look shows that the waits of a circle overlapped; a party may have got what it waits for just then, and not have said so yet. So a circle counts only if it is found
 * again and every party of it has failed an attempt in between: at that attempt all the others were waiting, and none of them could have ended this wait since.
 * All parties see the same circle and choose the same one of them: who began to wait last.
 */
import { originOf } from "../codec/shared-object.js";
import { DeadlockError } from "../errors/index.js";
import { atomics, cards, insightInto, type LongWait, onLongWait, type Watch } from "../memory/index.js";
import { tell } from "./findings.js";
import { stackHere, usersPart } from "./own-stack.js";
import { type Description, reportOf } from "./report.js";
import { heapsOfProgram, type Settings, settings } from "./settings.js";
import { type Circle, type Party, WaitGraph } from "./wait-graph.js";

/** The longest time between two looks of one wait: a party may go away long after the wait began. */
const LOOK_AT_LEAST_EVERY_MS = 10_000;

class DeadlockWatch implements Watch {
  readonly #wait: LongWait;
  /** The object that is waited for. */
  readonly #at: number;
  readonly #object: object;
  #notice = 0;
  #nextLook = 0;
  #suspect: Suspect | undefined;
  #told: string | undefined;

  constructor(wait: LongWait, at: number, object: object) {
    this.#wait = wait;
    this.#at = at;
    this.#object = object;
  }

  look(): void {
    let found: DeadlockError | undefined;
    try {
      found = this.#look();
    } catch {
      // No memory is left for a notice, or what was read made no sense because it changed: the wait goes on as if nobody had looked.
    }
    if (found !== undefined) throw found;
  }

  end(): void {
    if (this.#notice !== 0) cards.takeNotice(this.#wait.heap, this.#notice);
  }

  #look(): DeadlockError | undefined {
    const { heap, since } = this.#wait;
    if (this.#notice !== 0) cards.lookedInVain(heap, this.#notice);
    const now = performance.now();
    const { after, ...how } = settings();
    if (how.action === "off" || now - since < after || now < this.#nextLook) return undefined;
    if (this.#notice === 0) this.#notice = this.#putNotice();
    this.#nextLook = now + Math.min(LOOK_AT_LEAST_EVERY_MS, now - since);
    if (this.#wait.deadline !== Number.POSITIVE_INFINITY || this.#notice === 0) return undefined;
    const graph = new WaitGraph(heapsOfProgram());
    const self = graph.own(heap);
    const circle = self && graph.circleOf(self);
    if (circle === undefined || Suspect.nameOf(circle) === this.#told) {
      this.#suspect = undefined;
      return undefined;
    }
    const before = this.#suspect;
    this.#suspect = new Suspect(circle, self);
    if (before === undefined || !this.#suspect.hasLastedSince(before)) {
      this.#nextLook = 0;
      return undefined;
    }
    this.#suspect = undefined;
    return this.#conclude(circle, self!, how);
  }

  #conclude(circle: Circle, self: Party, { action }: Pick<Settings, "action">): DeadlockError | undefined {
    const refusable = circle.members.filter(({ party }) => party.waiting.some(({ notice }) => (notice.flags & cards.REFUSABLE) !== 0)).map(({ party }) => party);
    if (action === "error" && circle.proven && refusable.length > 0) {
      if (latest(refusable) !== self) return undefined;
      const report = reportOf(circle, self);
      tell(report, true);
      return new DeadlockError(report.text, report);
    }
    if (latest(circle.members.map(({ party }) => party)) === self) tell(reportOf(circle, undefined), false);
    this.#told = Suspect.nameOf(circle);
    return undefined;
  }

  #putNotice(): number {
    const { heap, key, since, deadline, refusable } = this.#wait;
    const label = labelOf(this.#object);
    const created = usersPart(originOf(this.#object));
    const stack = stackHere();
    const description: Description = {
      objects: [{ kind: kindOf(heap, this.#at, this.#object), ...(label === undefined ? {} : { label }), ...(created === undefined ? {} : { created }) }],
      ...(stack === undefined ? {} : { stack }),
    };
    return cards.putNotice(heap, {
      waits: [{ at: this.#at, key }],
      flags: (refusable ? cards.REFUSABLE : 0) | (deadline === Number.POSITIVE_INFINITY ? cards.ENDLESS : 0),
      since: performance.timeOrigin + since,
      text: JSON.stringify(description),
    });
  }
}

/** A circle as it was at one look. */
class Suspect {
  readonly #name: string;
  readonly #looks: ReadonlyMap<string, number>;

  constructor(circle: Circle, self: Party | undefined) {
    this.#name = Suspect.nameOf(circle);
    this.#looks = new Map(circle.members.filter(({ party }) => party !== self).map(({ party }) => [party.key, looksOf(party)]));
  }

  /** The same for the same waits of the same workers. */
  static nameOf({ members, proven }: Circle): string {
    const waits = members.flatMap(({ party }) => party.waiting.map(({ notice }) => `${party.key}:${notice.block}:${notice.generation}`));
    return `${proven}:${waits.sort().join()}`;
  }

  /** Whether it is the same circle, in which every other party has attempted in vain meanwhile. */
  hasLastedSince(earlier: Suspect): boolean {
    return this.#name === earlier.#name && [...this.#looks].every(([key, looks]) => looks !== earlier.#looks.get(key));
  }
}

function looksOf({ waiting }: Party): number {
  return waiting.reduce((sum, { notice }) => sum + notice.looks, 0);
}

/** Of those who wait, the one who began last: which one of several that began at once does not matter, if all choose the same. */
function latest(parties: readonly Party[]): Party {
  return parties.reduce((last, party) => (party.since > last.since || (party.since === last.since && party.key > last.key) ? party : last));
}

/** What an object is called: a worker that is waited for has a name. */
export function labelOf(object: object): string | undefined {
  const { label, name } = object as { label?: string; name?: string };
  return label ?? name;
}

/** The class of an object as its user knows it. */
export function kindOf(heap: LongWait["heap"], at: number, object: object): string {
  const { name = "object" } = insightInto(heap.allocator.kindOf(at)) ?? {};
  return name.includes(" ") ? name : object.constructor.name || name;
}

if (!atomics.controlled) {
  onLongWait((wait) => {
    const around = wait.heap.references.around(wait.key);
    if (around === undefined || insightInto(wait.heap.allocator.kindOf(around.at)) === undefined) return undefined;
    return new DeadlockWatch(wait, around.at, around.object);
  });
}
