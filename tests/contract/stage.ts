/** Who plays in a contract: the same checks run for every reach, kind of caller and place. */
import { after, before, beforeEach, describe, type TestContext, test } from "node:test";
import { Actor, type Director, Here } from "../fixtures/actor.js";

export type Across = "threads" | "processes";

/** Scenarios that one cast can play: each check takes fresh objects. */
const SETS = 40;

export class Stage<O> {
  readonly across: Across;
  readonly blocking: boolean;
  /** Subject and other are two workers. */
  readonly apart: boolean;
  readonly #sets: readonly O[];
  readonly #actors: Actor<O>[] = [];
  #set = -1;

  constructor(across: Across, blocking: boolean, apart: boolean, make: (across: Across) => O) {
    this.across = across;
    this.blocking = blocking;
    this.apart = apart;
    this.#sets = Array.from({ length: SETS }, () => make(across));
  }

  /** A subject that waits can be helped by the other one: not while it blocks the loop of both. */
  get canMeet(): boolean {
    return this.apart || !this.blocking;
  }

  /** The name of an operation that waits, as this caller says it. */
  verb<V extends string>(name: V): V | `${V}Sync` {
    return this.blocking ? `${name}Sync` : name;
  }

  /** The objects of the present scenario, in this worker. */
  get objects(): O {
    return this.#sets[this.#set] as O;
  }

  /** Whose calls are checked. */
  get subject(): Director<O> {
    return this.#actor(0);
  }
  /** Who holds, notifies and releases. */
  get other(): Director<O> {
    return this.#actor(this.apart ? 1 : 0);
  }
  /** One more, always a worker of its own. Across processes a thread of this one, so that both kinds meet. */
  get third(): Director<O> {
    return this.#actor(2);
  }

  /** This worker, which must not block. */
  readonly here = new Here<O>(() => this.objects);

  /** A worker that is going to die. */
  victim(): Actor<O> {
    const set = this.#set;
    return new Actor(this.across === "threads" ? "thread" : "process", this.#sets, () => set);
  }

  freshObjects(): void {
    if (++this.#set === SETS) throw new Error(`more than ${SETS} scenarios: raise SETS`);
  }

  async end(): Promise<void> {
    await Promise.all(this.#actors.map((actor) => actor.end()));
  }

  #actor(index: number): Actor<O> {
    const known = this.#actors[index];
    if (known?.usable) return known;
    const kind = this.across === "threads" || index === 2 ? "thread" : "process";
    return (this.#actors[index] = new Actor(kind, this.#sets, () => this.#set));
  }
}

export type Check<O> = (stage: Stage<O>, check: (name: string, fn: (context: TestContext) => Promise<void>) => void) => void;

/** Plays a contract in every combination. */
export function everywhere<O>(name: string, make: (across: Across) => O, contract: Check<O>): void {
  for (const across of ["threads", "processes"] as const) {
    for (const caller of ["blocking", "awaiting"] as const) {
      for (const place of ["the same worker", "another worker"]) {
        describe(`${name} across ${across}, ${caller}, with ${place}`, () => {
          const stage = new Stage(across, caller === "blocking", place === "another worker", make);
          before(() => stage.freshObjects());
          beforeEach(() => stage.freshObjects());
          after(() => stage.end());
          contract(stage, (name, fn) => test(name, { timeout: 20_000 }, fn));
        });
      }
    }
  }
}
