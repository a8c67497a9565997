/** What a contract is given: the same checks run for every reach, kind of caller and place. */
import { after, describe, type TestContext, test } from "node:test";
import { Actor, type Director, Here } from "../fixtures/actor.js";
import { isInTurn } from "../form.js";
import { timeLimit } from "../time-limit.js";

export type Across = "threads" | "processes";

/**
 * The actors of a contract in one reach, for all kinds of caller and place: starting workers takes longer than most
 * checks.
 */
class Actors<O> {
  readonly across: Across;
  readonly #make: (across: Across) => O;
  /** Each scenario has fresh objects, which an actor gets at its start. */
  #sets: readonly O[] | undefined;
  #scenarios = 0;
  #scenario = 0;
  readonly #actors: Actor<O>[] = [];

  constructor(across: Across, make: (across: Across) => O) {
    this.across = across;
    this.#make = make;
  }

  /** One more scenario, before any runs; what makes it the present one. */
  add(): () => void {
    const scenario = this.#scenarios++;
    return () => {
      this.#sets ??= Array.from({ length: this.#scenarios }, () => this.#make(this.across));
      this.#scenario = scenario;
    };
  }

  /** The objects of the present scenario, in this worker. */
  get objects(): O {
    return this.#sets![this.#scenario]!;
  }

  actor(index: number): Actor<O> {
    const known = this.#actors[index];
    if (known?.usable) return known;
    const kind = this.across === "threads" || index === 2 ? "thread" : "process";
    return (this.#actors[index] = new Actor(kind, this.#sets!, () => this.#scenario));
  }

  victim(): Actor<O> {
    const scenario = this.#scenario;
    return new Actor(this.across === "threads" ? "thread" : "process", this.#sets!, () => scenario);
  }

  async end(): Promise<void> {
    await Promise.all(this.#actors.map((actor) => actor.end()));
  }
}

export class Fixture<O> {
  readonly blocking: boolean;
  /** Subject and other are two workers. */
  readonly apart: boolean;
  readonly #actorSet: Actors<O>;

  constructor(actors: Actors<O>, blocking: boolean, apart: boolean) {
    this.#actorSet = actors;
    this.blocking = blocking;
    this.apart = apart;
  }

  get across(): Across {
    return this.#actorSet.across;
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
    return this.#actorSet.objects;
  }

  /** Whose calls are checked. */
  get subject(): Director<O> {
    return this.#actorSet.actor(0);
  }
  /** Who holds, notifies and releases. */
  get other(): Director<O> {
    return this.#actorSet.actor(this.apart ? 1 : 0);
  }
  /** One more, always a worker of its own. Across processes a thread of this one, so that both kinds meet. */
  get third(): Director<O> {
    return this.#actorSet.actor(2);
  }

  /** This worker, which must not block. */
  readonly here = new Here<O>(() => this.objects);

  /** A worker that is going to die. */
  victim(): Actor<O> {
    return this.#actorSet.victim();
  }
}

export type Check<O> = (
  fixture: Fixture<O>,
  check: (name: string, fn: (context: TestContext) => Promise<void>) => void,
) => void;

/** Where there is no implementation for this system, as it is said in tests/platform, threads alone share memory. */
const reaches: readonly Across[] =
  process.env.ALLCORES_PLATFORM === "portable" ? ["threads"] : ["threads", "processes"];

/**
 * Runs a contract in every combination of caller, place and reach: each check with each caller and place, in the short
 * form in one of the reaches by turns.
 */
export function everywhere<O>(name: string, make: (across: Across) => O, contract: Check<O>): void {
  for (const [reach, across] of reaches.entries()) {
    describe(`${name} across ${across}`, () => {
      const actors = new Actors(across, make);
      after(() => actors.end());
      for (const [nth, caller] of (["blocking", "awaiting"] as const).entries()) {
        for (const place of ["the same worker", "another worker"]) {
          let checks = nth;
          describe(`${caller}, with ${place}`, () => {
            contract(new Fixture(actors, caller === "blocking", place === "another worker"), (name, fn) => {
              if (!isInTurn(checks++, reach, reaches.length)) return;
              const begin = actors.add();
              test(name, { timeout: timeLimit(20_000) }, (context) => {
                begin();
                return fn(context);
              });
            });
          });
        }
      }
    });
  }
}
