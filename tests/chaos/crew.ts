/** Workers that are kept alive while blows fall on them, and hired again after each death. */
import { Event, isAllcoresError, Process, type Task, Thread } from "allcores";

export type Across = "threads" | "processes";
// biome-ignore lint/suspicious/noExplicitAny: tasks of many shapes.
type Role = Task<(...args: any[]) => unknown>;

/** What a worker throws, or exits with, because it was told to fail at random: a death like any other. */
export const CHAOS = "chaos";
export const CHAOS_EXIT = 7;

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

export class Crew {
  readonly across: Across;
  readonly #random: () => number;
  readonly #seats: Seat[] = [];
  #calm = false;
  /** How many workers ended before their time, by how. */
  readonly blows = new Map<string, number>();
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
      return { worker: new Worker(task, { args: [begun, ...args()], daemon: true } as never).start() as Thread | Process, begun };
    };
    const seat: Seat = { role, hire, hired: hire(), deaths: 0, end: Promise.resolve() };
    this.#seats.push(seat);
    seat.end = this.#attend(seat);
  }

  /** Deaths among those who have this role. */
  deathsOf(role: string): number {
    return this.#seats.filter((seat) => seat.role === role).reduce((sum, { deaths }) => sum + deaths, 0);
  }

  /** Lets so many blows fall, each at a random instant on a random worker. */
  async storm(blows: number): Promise<void> {
    for (let dealt = 0; dealt < blows && this.failure === undefined; ) {
      const { worker, begun } = this.#seats[Math.floor(this.#random() * this.#seats.length)]!.hired;
      // Most fall on a worker that is at its work, some on one that starts.
      if (this.#random() < 0.85) while (!begun.isSet && worker.isAlive) await pause(1);
      await pause(this.#random() * 30);
      if (await this.#strike(worker)) dealt++;
    }
  }

  /** No more blows, no more hiring: everybody finishes. */
  async rest(): Promise<void> {
    this.#calm = true;
    await Promise.all(this.#seats.map(({ end }) => end));
    if (this.failure !== undefined) throw this.failure;
  }

  async #strike(worker: Thread | Process): Promise<boolean> {
    if (!worker.isAlive) return false;
    if (worker instanceof Thread) {
      this.#count("terminate");
      worker.terminate();
      return true;
    }
    const { pid } = worker;
    if (pid === undefined) return false;
    const dice = this.#random();
    const signal = dice < 0.75 ? "SIGKILL" : dice < 0.9 ? "SIGSTOP" : "SIGTERM";
    try {
      process.kill(pid, signal);
      this.#count(signal);
      if (signal !== "SIGSTOP") return true;
      // Whoever is stopped is alive: what it holds stays held meanwhile.
      await pause(this.#random() * 60);
      process.kill(pid, this.#random() < 0.5 ? "SIGCONT" : "SIGKILL");
    } catch {
      return false; // It was gone already.
    }
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
        if (isAllcoresError(error) && error.code === "ERR_ALLCORES_WORKER_DIED" && (error as { exitCode?: number }).exitCode === CHAOS_EXIT)
          this.#count("exit");
        else if (error instanceof Error && error.message === CHAOS) this.#count("throw");
        seat.deaths++;
      }
      // After the storm too: a worker that was struck last leaves work to those who come after it.
      seat.hired = seat.hire();
    }
  }

  #count(blow: string): void {
    this.blows.set(blow, (this.blows.get(blow) ?? 0) + 1);
  }
}

function isDeath(error: unknown): boolean {
  return (error instanceof Error && error.message === CHAOS) || (isAllcoresError(error) && error.code === "ERR_ALLCORES_WORKER_DIED");
}
