/** Workers that are kept alive while faults fall on them, and hired again after each death. */
import { Event, isAllcoresError, Process, type Task, Thread } from "allcores";
import { CHAOS, CHAOS_EXIT } from "./mishap.js";
import { exhaustDescriptors, halt, Hoard, isShortage } from "./faults.js";

export type Across = "threads" | "processes";
// biome-ignore lint/suspicious/noExplicitAny: tasks of many shapes.
type Role = Task<(...args: any[]) => unknown>;

/** Share of the faults that take all memory, or a process's descriptors, for a while. */
const SHORT_OF_MEMORY = 0.06;
const SHORT_OF_DESCRIPTORS = 0.08;
/** The longest that such a fault lasts. */
const SHORTAGE_MS = 60;
const HALT_MS = 60;

interface Hired {
  readonly worker: Thread | Process;
  /** Raised by the worker when it comes to its work. */
  readonly begun: Event;
}

interface Seat {
  readonly role: string;
  readonly hire: () => Hired;
  hired: Hired;
  deaths: number;
  end: Promise<void>;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export class Supervisor {
  readonly across: Across;
  readonly #random: () => number;
  readonly #seats: Seat[] = [];
  #hoard: Hoard | undefined;
  #calm = false;
  /** How many workers ended before their time, by how. */
  readonly faults = new Map<string, number>();
  /** The first thing that went wrong in a worker: an invariant that it saw broken. */
  failure: unknown;

  constructor(across: Across, random: () => number) {
    this.across = across;
    this.#random = random;
  }

  /** Keeps one worker at this role; its arguments, after the event that says it is at work, are made anew for each. */
  keep(role: string, task: Role, args: () => unknown[]): void {
    const Worker = this.across === "threads" ? Thread : Process;
    const hire = () => {
      const begun = new Event({ across: this.across });
      return {
        worker: new Worker(task, { args: [begun, ...args()], daemon: true } as never).start() as Thread | Process,
        begun,
      };
    };
    const seat: Seat = { role, hire, hired: hire(), deaths: 0, end: Promise.resolve() };
    this.#seats.push(seat);
    seat.end = this.#attend(seat);
  }

  /** Deaths among those who have this role. */
  deathsOf(role: string): number {
    return this.#seats.filter((seat) => seat.role === role).reduce((sum, { deaths }) => sum + deaths, 0);
  }

  /** Lets so many faults fall, each at a random instant on a random worker. */
  async inject(faults: number): Promise<void> {
    for (let dealt = 0; dealt < faults && this.failure === undefined; ) {
      const { worker, begun } = this.#seats[Math.floor(this.#random() * this.#seats.length)]!.hired;
      // Most fall on a worker that is at its work, some on one that starts.
      if (this.#random() < 0.85) while (!begun.isSet && worker.isAlive) await pause(1);
      await pause(this.#random() * 30);
      if (await this.#strike(worker)) dealt++;
    }
  }

  /** No more faults, no more hiring: everybody finishes. */
  async rest(): Promise<void> {
    this.#calm = true;
    await Promise.all(this.#seats.map(({ end }) => end));
    if (this.failure !== undefined) throw this.failure;
  }

  async #strike(worker: Thread | Process): Promise<boolean> {
    if (!worker.isAlive) return false;
    const fault = this.#random();
    if (fault < SHORT_OF_MEMORY) {
      this.#count("full memory");
      this.#hoard ??= new Hoard(this.across);
      this.#hoard.take();
      await pause(this.#random() * SHORTAGE_MS);
      this.#hoard.give();
      return true;
    }
    if (fault < SHORT_OF_MEMORY + SHORT_OF_DESCRIPTORS) {
      const ms = Math.ceil(this.#random() * SHORTAGE_MS);
      const isDealt = await exhaustDescriptors(worker instanceof Thread ? process.pid : (worker.pid ?? 0), ms);
      if (isDealt) this.#count("no descriptors");
      return isDealt;
    }
    if (worker instanceof Thread) {
      this.#count("terminate");
      worker.terminate();
      return true;
    }
    const { pid } = worker;
    if (pid === undefined) return false;
    const dice = this.#random();
    const signal = dice < 0.75 ? "SIGKILL" : dice < 0.9 ? "SIGSTOP" : "SIGTERM";
    if (signal === "SIGSTOP") {
      // Whoever is stopped is alive: what it holds stays held meanwhile.
      if (!(await halt(pid, Math.ceil(this.#random() * HALT_MS), this.#random() < 0.5 ? "CONT" : "KILL"))) return false;
      this.#count(signal);
      return true;
    }
    try {
      // Without being asked it would ignore it.
      if (signal === "SIGTERM") worker.terminate();
      else process.kill(pid, signal);
    } catch {
      return false; // It was gone already.
    }
    this.#count(signal);
    return true;
  }

  async #attend(seat: Seat): Promise<void> {
    for (;;) {
      try {
        await seat.hired.worker.join();
        if (this.#calm) return;
      } catch (error) {
        if (!isDeath(error)) {
          this.failure ??= error;
          return;
        }
        if (
          isAllcoresError(error) &&
          error.code === "ERR_ALLCORES_WORKER_DIED" &&
          (error as { exitCode?: number }).exitCode === CHAOS_EXIT
        )
          this.#count("exit");
        else if (error instanceof Error && error.message === CHAOS) this.#count("throw");
        else if (isShortage(error)) this.#count("shortage");
        seat.deaths++;
      }
      // After the faults too: a worker that was struck last leaves work to those who come after it.
      try {
        seat.hired = await this.#rehire(seat);
      } catch (error) {
        this.failure ??= error;
        return;
      }
    }
  }

  async #rehire({ hire }: Seat): Promise<Hired> {
    for (;;) {
      try {
        return hire();
      } catch (error) {
        if (!isShortage(error)) throw error;
        this.#count("refused");
        await pause(5);
      }
    }
  }

  #count(fault: string): void {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
  }
}

function isDeath(error: unknown): boolean {
  return (
    (error instanceof Error && error.message === CHAOS) ||
    isShortage(error) ||
    (isAllcoresError(error) && error.code === "ERR_ALLCORES_WORKER_DIED")
  );
}
