/** Scenarios of pools and of what stands on them: their workers are struck while work comes in several ways. */
import assert from "node:assert/strict";
import {
  AsyncPool,
  isAllcoresError,
  type Pool,
  ProcessPool,
  TaskGroup,
  TaskGroupError,
  ThreadPool,
  toProcess,
  toThread,
} from "allcores";
import * as tasks from "../fixtures/chaos-tasks.js";
import { CHAOS } from "./mishap.js";
import { exhaustDescriptors, halt, Hoard, isShortage } from "./faults.js";
import type { Scenario, ScenarioContext, Tally } from "./scenario.js";

const RETRIES = { retries: { limit: 200, delay: 5, factor: 1 } };
const SHORTAGE_MS = 60;
const HALT_MS = 60;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * What a task may fail of that was not to be tried again: its own mishap, a fault, or somebody else's failure in its
 * group.
 */
function isExpected(error: unknown): boolean {
  if (error instanceof Error && error.message === CHAOS) return true;
  return (
    isShortage(error) ||
    (isAllcoresError(error) && ["ERR_ALLCORES_WORKER_DIED", "ERR_ALLCORES_CANCELLED"].includes(error.code))
  );
}

/** A pool under faults, with what it is asked for meanwhile. */
class Target {
  readonly pool: Pool;
  readonly tally = { done: 0, died: 0 };
  readonly #context: ScenarioContext;
  readonly #pids = new Set<number>();
  readonly #hoard: Hoard;
  #asked = 0;

  constructor(context: ScenarioContext) {
    this.#context = context;
    this.pool =
      context.supervisor.across === "threads"
        ? new ThreadPool({ workers: 2, killGrace: 5 })
        : new ProcessPool({ workers: 2 });
    this.#hoard = new Hoard(context.supervisor.across);
  }

  next(): number {
    return this.#asked++;
  }

  /** A result that came: it is right, and tells of a process that can be struck. */
  check(n: number, [square, pid]: readonly [number, number]): void {
    assert.equal(square, n * n);
    if (pid !== process.pid) this.#pids.add(pid);
    this.tally.done++;
  }

  /** It failed: of a fault, or not as it should. */
  failed(error: unknown): void {
    if (!isExpected(error)) throw error;
    this.tally.died++;
  }

  /** Asks in so many lines at once, each in its own way, while faults fall; then everything is as it was. */
  async inject(lines: readonly (() => Promise<void>)[]): Promise<Tally> {
    const { faults, random } = this.#context;
    let isOver = false;
    const asking = Promise.all(
      lines.map(async (ask) => {
        while (!isOver) {
          await ask();
          // What is refused at once would leave timers no turn.
          await new Promise((resolve) => setImmediate(resolve));
        }
      }),
    );
    asking.catch(() => (isOver = true));
    for (let dealt = 0; dealt < faults && !isOver; ) {
      await pause(random() * 40);
      if (await this.#strike()) dealt++;
    }
    isOver = true;
    await asking;
    const squares = await this.pool.with(RETRIES).map(
      tasks.steady,
      Array.from({ length: 50 }, (_, n) => n),
    );
    assert.deepEqual(
      squares.map(([square]) => square),
      Array.from({ length: 50 }, (_, n) => n * n),
    );
    this.pool.close();
    await this.pool.join();
    const { workers, running, queued } = this.pool.stats();
    assert.deepEqual({ workers, running, queued }, { workers: 0, running: 0, queued: 0 });
    return this.tally;
  }

  async #strike(): Promise<boolean> {
    const { random, supervisor } = this.#context;
    const fault = random();
    if (fault < 0.06) {
      this.#hoard.take();
      await pause(random() * SHORTAGE_MS);
      this.#hoard.give();
      return this.#count("full memory");
    }
    if (fault < 0.14)
      return (
        (await exhaustDescriptors(process.pid, Math.ceil(random() * SHORTAGE_MS))) && this.#count("no descriptors")
      );
    if (supervisor.across === "threads") {
      // What a thread can be hit by from outside: a task that is called off and does not listen.
      const deaf = this.pool.submit(tasks.steady, 2);
      deaf.catch(() => {});
      deaf.cancel();
      return this.#count("called off");
    }
    const pid = [...this.#pids][Math.floor(random() * this.#pids.size)];
    if (pid === undefined) return false;
    this.#pids.delete(pid);
    const signal = fault < 0.65 ? "SIGKILL" : fault < 0.8 ? "SIGSTOP" : "SIGTERM";
    if (signal === "SIGSTOP")
      return (await halt(pid, Math.ceil(random() * HALT_MS), random() < 0.5 ? "CONT" : "KILL")) && this.#count(signal);
    try {
      process.kill(pid, signal);
    } catch {
      return false; // It was gone already.
    }
    return this.#count(signal);
  }

  #count(fault: string): true {
    const { faults } = this.#context.supervisor;
    faults.set(fault, (faults.get(fault) ?? 0) + 1);
    return true;
  }
}

const times = <T>(count: number, line: T): T[] => new Array<T>(count).fill(line);

export const poolScenarios: Record<string, Scenario> = {
  pool: async (context) => {
    const target = new Target(context);
    const { pool } = target;
    const once = async () => {
      const n = target.next();
      await pool.submit(tasks.work, n).then((result) => target.check(n, result), target.failed.bind(target));
    };
    const retried = async () => {
      const n = target.next();
      try {
        target.check(n, await pool.with(RETRIES).submit(tasks.steady, n));
      } catch (error) {
        // Not even taken on.
        if (!isShortage(error)) throw error;
      }
    };
    return await target.inject([...times(6, guarded(target, once)), ...times(6, retried)]);
  },
  "pool map": async (context) => {
    const target = new Target(context);
    const numbers = () => Array.from({ length: 40 }, () => target.next());
    const whole = async () => {
      const items = numbers();
      const results = await target.pool.with(RETRIES).map(tasks.steady, items);
      for (const [index, result] of results.entries()) target.check(items[index]!, result);
    };
    const settled = async () => {
      const items = numbers();
      const seen = new Set<number>();
      for await (const outcome of target.pool.map(tasks.work, items).settled()) {
        assert.ok(!seen.has(outcome.index), `item ${outcome.index} was settled twice`);
        seen.add(outcome.index);
        if (outcome.status === "fulfilled") target.check(items[outcome.index]!, outcome.value);
        else target.failed(outcome.reason);
      }
      assert.equal(seen.size, items.length);
    };
    return await target.inject([...times(2, guarded(target, whole)), ...times(2, guarded(target, settled))]);
  },
  "task group": async (context) => {
    const target = new Target(context);
    // As many at once as there are places, so that a place that is never given back is noticed.
    const places = new AsyncPool({ workers: 8 });
    const group = async () => {
      const ended: boolean[] = [];
      try {
        await TaskGroup.run((group) => {
          for (let index = 0; index < 4; index++) {
            group.spawn(async (signal) => {
              try {
                const n = target.next();
                target.check(n, await places.submit(() => target.pool.with({ signal }).submit(tasks.work, n)));
              } finally {
                ended[index] = true;
              }
            });
          }
        });
      } catch (error) {
        if (!(error instanceof TaskGroupError)) throw error;
        for (const each of error.errors) target.failed(each);
      }
      assert.deepEqual(ended, [true, true, true, true], "a group ended before its tasks");
    };
    const tally = await target.inject(times(3, group));
    places.close();
    await places.join();
    return tally;
  },
  "bridges and nested calls": async (context) => {
    const target = new Target(context);
    const handle = target.pool.handle();
    const bridge = context.supervisor.across === "threads" ? toThread : toProcess;
    const bridged = async () => {
      const n = target.next();
      target.check(n, await bridge(tasks.work, n));
    };
    const nested = async () => {
      const n = target.next();
      target.check(n, await target.pool.submit(tasks.viaHandle, handle, n));
    };
    const blocking = async () => {
      const n = target.next();
      target.check(n, await target.pool.submit(tasks.viaRunSync, n));
    };
    return await target.inject([
      ...times(3, guarded(target, bridged)),
      guarded(target, nested),
      guarded(target, blocking),
    ]);
  },
};

/** Its failures are counted, if they are what faults do. */
function guarded(target: Target, ask: () => Promise<void>): () => Promise<void> {
  return () => ask().catch((error: unknown) => target.failed(error));
}
