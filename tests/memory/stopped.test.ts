/**
 * A stopped process inside an internal mutex: who tries, has a time or awaits goes on; who has no time waits for
 * SIGCONT or death.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, describe, it } from "node:test";
import {
  Barrier,
  BrokenBarrierError,
  Condition,
  Event,
  Process,
  Semaphore,
  SharedList,
  SharedMap,
  select,
  selectSync,
  Thread,
  TimeoutError,
} from "allcores";
import { HEADER } from "../../src/memory/index.js";
import "../../src/parking/index.js";
import { usedWordsBeside } from "../fixtures/queue-insides.js";
import { change, holdFor, kinds, MUTEX, run, stopInside } from "../fixtures/stopped-tasks.js";
import { timeLimit } from "../time-limit.js";

const reach = { across: "processes" } as const;
const TIME_MS = 100;
/** What a form may be late on a machine that has much else to do. */
const SLACK_MS = timeLimit(2000);

interface Stopped {
  /** SIGCONT, and the mutex is left. */
  goOn(): Promise<void>;
  kill(): Promise<void>;
}

const started = new Set<Process>();
// A test that fails must not leave the others waiting.
afterEach(() => {
  for (const { pid } of started) if (pid !== undefined) process.kill(pid, "SIGKILL");
  started.clear();
});

/** Resolves once another process has stopped inside the mutex. */
async function stopIn(object: object, of: "object" | "heap" = "object", word: number = MUTEX): Promise<Stopped> {
  const go = new Event(reach);
  const holder = Process.start(stopInside, object, of, word, go);
  started.add(holder as never);
  while (holder.pid === undefined || !/\) T /.test(readFileSync(`/proc/${holder.pid}/stat`, "latin1"))) await turn();
  const end = async (how: NodeJS.Signals) => {
    go.set();
    process.kill(holder.pid!, how);
    await holder.join().catch((error: Error) => error);
    started.delete(holder as never);
  };
  return { goOn: () => end("SIGCONT"), kill: () => end("SIGKILL") };
}

const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 5));

/** A blocking form ends within its time, by its TimeoutError. */
function timesOut(form: () => unknown): void {
  const began = performance.now();
  assert.throws(form, TimeoutError);
  assert.ok(performance.now() - began < TIME_MS + SLACK_MS);
}

/**
 * An awaiting form does not hold its loop: a timer of the same loop goes on; and it ends within its time, or when it is
 * aborted.
 */
async function awaitsInVain(
  form: (options: { timeout?: number; signal?: AbortSignal }) => Promise<unknown>,
): Promise<void> {
  let ticks = 0;
  const ticking = setInterval(() => ticks++, 5);
  try {
    await assert.rejects(form({ timeout: 2 * TIME_MS }), TimeoutError);
    // A form that holds its loop lets no timer go first. How often the loop turns is the machine's affair.
    assert.ok(ticks >= 2, `the loop turned ${ticks} times`);
    const reason = new Error("enough");
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 50);
    await assert.rejects(form({ signal: controller.signal }), reason);
  } finally {
    clearInterval(ticking);
  }
}

const isPipe = (object: object): boolean => Array.isArray(object);
/** Something in the same heap, for what cannot be sent while it is waited for. */
const objectIn = (object: object): object => (isPipe(object) ? new Event(reach) : object);

for (const [index, { name, make, of, word, notNow, attempt, block, awaiting }] of kinds.entries()) {
  describe(`a stopped process inside an internal mutex: ${name}`, () => {
    it("try forms, forms with a time and awaiting forms end within their time; without a time they wait for SIGCONT", async () => {
      const object = make() as never;
      const stopped = await stopIn(objectIn(object), of, word);
      const began = performance.now();
      assert.equal(attempt?.(object), notNow);
      assert.ok(performance.now() - began < SLACK_MS);
      timesOut(() => block(object, { timeout: TIME_MS }));
      await awaitsInVain((options) => awaiting(object, options));
      let there = 0;
      const without = [
        awaiting(object),
        ...(isPipe(object) ? [] : [Thread.start(run, index, object as object).join()]),
      ].map((each) => each.then(() => there++));
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(there, 0);
      await stopped.goOn();
      await Promise.all(without);
    });
  });
}

describe("a stopped process inside an internal mutex", () => {
  it("is killed: who tries next gets in, with recovery", async () => {
    for (const forms of [
      (it: Semaphore) => it.tryAcquire(),
      (it: Semaphore) => it.acquireSync(),
      (it: Semaphore) => it.acquire({ timeout: timeLimit(5000) }),
    ]) {
      const semaphore = new Semaphore(2, reach);
      const stopped = await stopIn(semaphore);
      assert.equal(semaphore.tryAcquire(), undefined);
      await stopped.kill();
      assert.ok(await forms(semaphore));
    }
  });

  it("holds nobody up who needs another mutex, and a select takes what comes from elsewhere", async () => {
    const [semaphore, other] = [new Semaphore(1, reach), new Semaphore(1, reach)];
    const stopped = await stopIn(semaphore);
    assert.equal(selectSync({ semaphore, other }).key, "other");
    await stopped.goOn();
  });

  it("keeps a party from a barrier: its wait ends in time, and the others hear that the barrier broke", async () => {
    const barrier = new Barrier(3, reach);
    const waiting = barrier.wait();
    while (barrier.waiting < 1) await turn();
    // Heard from the start: where the machine is busy its time runs out while the other one is stopped.
    const leaving = assert.rejects(barrier.wait({ timeout: 2000 }), TimeoutError);
    const broken = assert.rejects(waiting, BrokenBarrierError);
    while (barrier.waiting < 2) await turn();
    const stopped = await stopIn(barrier);
    timesOut(() => barrier.waitSync({ timeout: TIME_MS }));
    await leaving;
    await stopped.goOn();
    await broken;
    assert.equal(barrier.isBroken, true);
    barrier.reset();
    assert.deepEqual(await Promise.all([barrier.wait(), barrier.wait(), barrier.wait()]), [0, 1, 2]);
  });

  it("is in the allocator: a condition's wait and an event's end in time, and the loop turns", async () => {
    const condition = new Condition(undefined, reach);
    const event = new Event(reach);
    const events = Array.from({ length: 40 }, () => new Event(reach));
    const stopped = await stopIn(event, "heap", HEADER.guard);
    using _ = condition.acquireSync();
    timesOut(() => condition.waitSync({ timeout: TIME_MS }));
    await awaitsInVain((options) => condition.wait(options));
    await awaitsInVain((options) => event.wait(options));
    // More things than there are nodes without the allocator.
    await awaitsInVain((options) => Promise.race(events.map((each) => each.wait(options))));
    timesOut(() => selectSync(Object.fromEntries(events.entries()), { timeout: TIME_MS }));
    await awaitsInVain((options) => select(Object.fromEntries(events.entries()), options));
    const last = events.at(-1)!;
    const waiting = last.wait();
    await stopped.goOn();
    last.set();
    await waiting;
  });

  it("is in the allocator: freeing goes on, and the memory is back later", async () => {
    const before = usedWordsBeside(new Event(reach));
    const objects = Array.from({ length: 20 }, () => new Semaphore(1, reach));
    const event = new Event(reach);
    const stopped = await stopIn(event, "heap", HEADER.guard);
    for (const object of objects) object.free();
    await stopped.goOn();
    // Who allocates gives back what was put by; the worker that was stopped still does its own share.
    for (
      const end = Date.now() + timeLimit(20_000);
      usedWordsBeside(event) >= before + 300 && Date.now() < end;
      await turn()
    )
      new Semaphore(1, reach).free();
    assert.ok(usedWordsBeside(event) < before + 300, `${usedWordsBeside(event) - before} words more`);
  });

  it("is in the allocator: the sweep of a dead worker does not hang, and comes again later", async () => {
    const semaphore = new Semaphore(1, reach);
    const held = new Event(reach);
    const victim = Process.start(holdFor, semaphore, held);
    await held.wait();
    const stopped = await stopIn(held, "heap", HEADER.guard);
    process.kill(victim.pid!, "SIGKILL");
    await victim.join().catch((error: Error) => error);
    const permit = semaphore.acquireSync({ timeout: timeLimit(5000) });
    assert.equal(permit.ownerDied, true);
    permit[Symbol.dispose]();
    await stopped.goOn();
    using again = await semaphore.acquire({ timeout: timeLimit(5000) });
    assert.equal(again.ownerDied, true);
  });

  it("has forms without a time wait for SIGCONT: SharedMap, SharedList, names, a release", async () => {
    const map = new SharedMap<number>(reach);
    const list = new SharedList<number>(reach);
    const semaphore = new Semaphore(1, reach);
    semaphore.acquireSync();
    for (const [object, of, word] of [
      [map, "object", MUTEX],
      [list, "object", MUTEX],
      [semaphore, "object", MUTEX],
      [new Event(reach), "heap", HEADER.namesGuard],
    ] as const) {
      const stopped = await stopIn(object, of, word);
      let there = false;
      const changing = Thread.start(change, object as object).join();
      void changing.then(() => (there = true));
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(there, false);
      await stopped.goOn();
      await changing;
    }
  });
});
