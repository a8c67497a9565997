/**
 * How a Lock, a Semaphore, a Queue and a SharedMap behave, as the simulation has them: the same steps as
 * src/sync/lock-word.ts, src/objects/monitor.ts, src/memory/mutex.ts and src/parking/parker.ts, at the costs that were
 * measured apart.
 */
import { Bed, type Behaviour, Line, Signal, type SimulatedMachine, type Step } from "./simulated-machine.js";

export type SubjectName = "lock" | "semaphore" | "queue" | "SharedMap";

/** What the code of the library takes, in nanoseconds. */
export interface Costs {
  /** One operation of each primitive by one worker alone: its own code, and its atomics on lines that it has. */
  readonly alone: Readonly<Record<SubjectName, number>>;
  /** Of the set and get of a SharedMap the get, which does not enter the mutex. */
  readonly read: number;
  /** One record read by a wake-up's walk over the workers. */
  readonly record: number;
  /** Arming a node, attempting, and withdrawing it. */
  readonly wait: number;
  /** One look at a word by a caller that is about to sleep. */
  readonly look: number;
}

export interface Crowd {
  readonly workers: number;
  /** Of all together. */
  readonly operations: number;
  readonly cores: number;
}

const SPINS = 40;
const MOST_LOOKS = 1000;
const MOST_MUTEX_LOOKS = 200;
const LEAST_PART = 16;
const TRIAL_EVERY = 32;
const NAP = 20e6;
const SLICE = 700e6;
const STARVING = 5e6;
/** The part of a SharedMap's set that lies inside its mutex: all but packing the key and encoding the value. */
const MAP_INSIDE = 0.9;

/** src/memory/spin.ts. */
class Looks {
  readonly #most: number;
  #looks: number;
  #skipped = 0;

  constructor(most: number) {
    this.#most = most;
    this.#looks = most;
  }

  get count(): number {
    const fewest = Math.ceil(this.#most / LEAST_PART);
    if (this.#looks > fewest || ++this.#skipped < TRIAL_EVERY) return this.#looks;
    this.#skipped = 0;
    return this.#most;
  }

  note(paid: boolean): void {
    this.#looks = paid ? this.#most : Math.max(Math.ceil(this.#most / LEAST_PART), this.#looks >> 1);
  }
}

/** One worker's place in a line, and the two things by which it hears. */
class Waiter {
  isArmed = false;
  granted = 0;
  readonly signal = new Signal();
  readonly bed = new Bed();
  readonly looks = new Looks(MOST_LOOKS);
  readonly mutexLooks = new Looks(MOST_MUTEX_LOOKS);
}

/** Those who wait for one thing, the longest waiting first. */
class WaitingLine {
  readonly waiters: Waiter[] = [];

  arm(waiter: Waiter): void {
    waiter.isArmed = true;
    this.waiters.push(waiter);
  }

  withdraw(waiter: Waiter): void {
    waiter.isArmed = false;
    this.waiters.splice(this.waiters.indexOf(waiter), 1);
  }
}

type Walk<T> = Generator<Step, T, boolean>;

/** What all subjects share: the machine, the costs, the walk of a wake-up, and the wait for one. */
abstract class Subject {
  readonly machine: SimulatedMachine;
  protected readonly costs: Costs;
  protected readonly crowd: Crowd;
  protected readonly waiters: readonly Waiter[];
  readonly #ticket = new Line();

  constructor(machine: SimulatedMachine, costs: Costs, crowd: Crowd) {
    this.machine = machine;
    this.costs = costs;
    this.crowd = crowd;
    this.waiters = Array.from({ length: crowd.workers }, () => new Waiter());
  }

  abstract behave(number: number, rounds: number): Behaviour;

  /** Whether so many operations were done as should be: what the simulation checks itself by. */
  abstract get done(): number;

  /** Wakes the one that waits longest and has no grant: a walk over all records. True when somebody did. */
  protected *wakeOne(line: WaitingLine): Walk<boolean> {
    yield this.crowd.workers * this.costs.record;
    const waiter = line.waiters.find(({ granted }) => granted === 0);
    if (waiter === undefined) return false;
    waiter.granted = 1;
    this.machine.tell(waiter.signal);
    yield this.machine.charges.move + (waiter.bed.sleepers.length > 0 ? this.machine.wake(waiter.bed) : 0);
    return true;
  }

  /** `blockUntil`: until `attempt` gives true. */
  protected *block(number: number, line: WaitingLine, attempt: (granted: boolean) => Walk<boolean>): Walk<void> {
    const waiter = this.waiters[number]!;
    yield this.costs.wait + this.machine.touch(number, this.#ticket);
    line.arm(waiter);
    let isDone = yield* attempt(false);
    while (!isDone) {
      const most = waiter.looks.count * this.costs.look;
      const came = waiter.granted > 0 || (yield { at: waiter.signal, most });
      waiter.looks.note(came);
      if (waiter.granted === 0) yield { bed: waiter.bed, most: SLICE };
      const granted = waiter.granted > 0;
      waiter.granted = 0;
      isDone = yield* attempt(granted);
    }
    line.withdraw(waiter);
    // A grant that came meanwhile is passed on.
    if (waiter.granted > 0) {
      waiter.granted = 0;
      yield* this.wakeOne(line);
    }
  }
}

class SimulatedLock extends Subject {
  done = 0;
  readonly #word = new Line();
  readonly #freed = new Signal();
  readonly #line = new WaitingLine();
  #owner = -1;
  #isContended = false;
  #isReserved = false;

  *behave(number: number, rounds: number): Behaviour {
    // Half of its own code lies within.
    const own = Math.max(0, (this.costs.alone.lock - 2 * this.machine.charges.atomic) / 2);
    for (let round = 0; round < rounds; round++) {
      yield own + this.machine.touch(number, this.#word);
      if (this.#isFree) this.#owner = number;
      else yield* this.#takeSlow(number);
      yield own + this.machine.touch(number, this.#word);
      this.done++;
      this.#owner = -1;
      const wakes = this.#isContended;
      this.#isContended = false;
      this.machine.tell(this.#freed);
      if (wakes && !(yield* this.wakeOne(this.#line))) this.#isReserved = false;
    }
  }

  get #isFree(): boolean {
    return this.#owner < 0 && !this.#isReserved && !this.#isContended;
  }

  *#takeSlow(number: number): Walk<void> {
    const until = this.machine.now + SPINS * this.costs.look;
    while (this.machine.now < until) {
      if (this.#isFree) {
        yield this.machine.touch(number, this.#word);
        if (this.#isFree) {
          this.#owner = number;
          return;
        }
      } else yield { at: this.#freed, most: Math.max(1, until - this.machine.now) };
    }
    let since = 0;
    yield* this.block(number, this.#line, (granted) => {
      const lock = this;
      return (function* (): Walk<boolean> {
        yield lock.machine.touch(number, lock.#word);
        const isKeptOut = lock.#isReserved && !granted && lock.#line.waiters.length > 1;
        if (lock.#owner < 0 && !isKeptOut) {
          lock.#owner = number;
          lock.#isContended = true;
          lock.#isReserved = false;
          return true;
        }
        lock.#isContended = true;
        if (granted) {
          if (since === 0) since = lock.machine.now;
          else if (lock.machine.now - since > STARVING) lock.#isReserved = true;
        }
        return false;
      })();
    });
  }
}

/** src/memory/mutex.ts. */
class SimulatedMutex {
  readonly #machine: SimulatedMachine;
  readonly #costs: Costs;
  readonly #line = new Line();
  readonly #freed = new Signal();
  readonly #bed = new Bed();
  #isTaken = false;
  #mayHaveSleepers = false;

  constructor(machine: SimulatedMachine, costs: Costs) {
    this.#machine = machine;
    this.#costs = costs;
  }

  *enter(number: number, { mutexLooks }: Waiter): Walk<void> {
    yield this.#machine.touch(number, this.#line);
    for (let hasSlept = false; ; hasSlept = true) {
      if (!this.#isTaken) {
        this.#isTaken = true;
        if (hasSlept) this.#mayHaveSleepers = true;
        return;
      }
      const until = this.#machine.now + mutexLooks.count * this.#costs.look;
      while (this.#isTaken && this.#machine.now < until)
        yield { at: this.#freed, most: Math.max(1, until - this.#machine.now) };
      mutexLooks.note(!this.#isTaken);
      if (!this.#isTaken) {
        this.#isTaken = true;
        if (hasSlept) this.#mayHaveSleepers = true;
        return;
      }
      this.#mayHaveSleepers = true;
      yield { bed: this.#bed, most: NAP };
    }
  }

  *leave(number: number): Walk<void> {
    yield this.#machine.touch(number, this.#line);
    this.#isTaken = false;
    const wakes = this.#mayHaveSleepers;
    this.#mayHaveSleepers = false;
    this.#machine.tell(this.#freed);
    if (wakes) yield this.#machine.wake(this.#bed);
  }
}

/** src/objects/monitor.ts: how many of those who wait were woken and have not tried since. */
class WaiterFlag {
  #flag = 0;

  expect(): void {
    this.#flag = 1;
  }

  arrive(): void {
    if (this.#flag > 1) this.#flag--;
  }

  /** Whether to wake one, who counts from then on. */
  isWorthWaking(there: number, cores: number): boolean {
    if (this.#flag === 0 || this.#flag > there || this.#flag > cores) return false;
    this.#flag++;
    return true;
  }

  lower(): void {
    this.#flag = 0;
  }
}

class SimulatedSemaphore extends Subject {
  done = 0;
  readonly #mutex: SimulatedMutex;
  readonly #line = new WaitingLine();
  readonly #flag = new WaiterFlag();
  #free = 2;

  constructor(machine: SimulatedMachine, costs: Costs, crowd: Crowd) {
    super(machine, costs, crowd);
    this.#mutex = new SimulatedMutex(machine, costs);
  }

  *behave(number: number, rounds: number): Behaviour {
    const waiter = this.waiters[number]!;
    const own = Math.max(0, (this.costs.alone.semaphore - 4 * this.machine.charges.atomic) / 4);
    for (let round = 0; round < rounds; round++) {
      yield own;
      if (!(yield* this.#tryTake(number, own, false)))
        yield* this.block(number, this.#line, () => {
          this.#flag.arrive();
          return this.#tryTake(number, own, true);
        });
      yield own;
      yield* this.#mutex.enter(number, waiter);
      yield own;
      this.#free++;
      this.done++;
      yield* this.#mutex.leave(number);
      yield* this.#offer();
    }
  }

  *#tryTake(number: number, own: number, waits: boolean): Walk<boolean> {
    yield* this.#mutex.enter(number, this.waiters[number]!);
    yield own;
    const has = this.#free > 0;
    if (has) this.#free--;
    else if (waits) this.#flag.expect();
    yield* this.#mutex.leave(number);
    if (has && waits && this.#free > 0) yield* this.#offer();
    return has;
  }

  *#offer(): Walk<void> {
    if (!this.#flag.isWorthWaking(this.#free, this.crowd.cores)) return;
    if (!(yield* this.wakeOne(this.#line)) && this.#line.waiters.length === 0) this.#flag.lower();
  }
}

/** Half of the workers put, the others get as many. */
class SimulatedQueue extends Subject {
  done = 0;
  readonly #puts: SimulatedMutex;
  readonly #takes: SimulatedMutex;
  readonly #line = new WaitingLine();
  readonly #flag = new WaiterFlag();
  readonly #content = new Line();
  readonly #came = new Signal();
  #items = 0;

  constructor(machine: SimulatedMachine, costs: Costs, crowd: Crowd) {
    super(machine, costs, crowd);
    this.#puts = new SimulatedMutex(machine, costs);
    this.#takes = new SimulatedMutex(machine, costs);
  }

  *behave(number: number, rounds: number): Behaviour {
    const waiter = this.waiters[number]!;
    const own = Math.max(0, (this.costs.alone.queue - 3 * this.machine.charges.atomic) / 2);
    for (let round = 0; round < rounds; round++) {
      yield own;
      if (number % 2 === 0) {
        yield* this.#puts.enter(number, waiter);
        yield own + this.machine.touch(number, this.#content);
        this.#items++;
        yield* this.#puts.leave(number);
        this.machine.tell(this.#came);
        if (this.#flag.isWorthWaking(this.#items, this.crowd.cores)) {
          if (!(yield* this.wakeOne(this.#line)) && this.#line.waiters.length === 0) this.#flag.lower();
        }
      } else {
        const until = this.machine.now + MOST_LOOKS * this.costs.look;
        while (this.#items === 0 && this.machine.now < until)
          yield { at: this.#came, most: Math.max(1, until - this.machine.now) };
        if (!(yield* this.#take(number, own, false)))
          yield* this.block(number, this.#line, () => {
            this.#flag.arrive();
            return this.#take(number, own, true);
          });
      }
      this.done++;
    }
  }

  *#take(number: number, own: number, waits: boolean): Walk<boolean> {
    if (this.#items === 0) {
      if (waits) this.#flag.expect();
      yield this.machine.charges.atomic;
      if (this.#items === 0) return false;
    }
    yield* this.#takes.enter(number, this.waiters[number]!);
    yield own + this.machine.touch(number, this.#content);
    const has = this.#items > 0;
    if (has) this.#items--;
    else if (waits) this.#flag.expect();
    yield* this.#takes.leave(number);
    return has;
  }
}

/** A set inside the mutex, then a get without it. */
class SimulatedMap extends Subject {
  done = 0;
  readonly #mutex: SimulatedMutex;
  readonly #content = new Line();

  constructor(machine: SimulatedMachine, costs: Costs, crowd: Crowd) {
    super(machine, costs, crowd);
    this.#mutex = new SimulatedMutex(machine, costs);
  }

  *behave(number: number, rounds: number): Behaviour {
    const waiter = this.waiters[number]!;
    const { charges } = this.machine;
    const read = Math.max(0, this.costs.read - charges.atomic);
    const set = Math.max(0, this.costs.alone.SharedMap - this.costs.read - 3 * charges.atomic);
    for (let round = 0; round < rounds; round++) {
      yield set * (1 - MAP_INSIDE);
      yield* this.#mutex.enter(number, waiter);
      yield set * MAP_INSIDE + this.machine.touch(number, this.#content);
      yield* this.#mutex.leave(number);
      yield read + this.machine.touch(number, this.#content, false);
      this.done++;
    }
  }
}

const SUBJECTS = {
  lock: SimulatedLock,
  semaphore: SimulatedSemaphore,
  queue: SimulatedQueue,
  SharedMap: SimulatedMap,
} as const;

/** Nanoseconds of one operation, all workers together. @throws Error when the model has lost an operation */
export function simulate(name: SubjectName, machine: SimulatedMachine, costs: Costs, crowd: Crowd): number {
  const subject = new SUBJECTS[name](machine, costs, crowd);
  const rounds = Math.ceil(crowd.operations / crowd.workers);
  for (let worker = 0; worker < crowd.workers; worker++) machine.start((number) => subject.behave(number, rounds));
  const ns = machine.run();
  if (subject.done !== rounds * crowd.workers)
    throw new Error(`${name}: ${subject.done} operations instead of ${rounds * crowd.workers}`);
  return ns / subject.done;
}
