/** What a snapshot tells of workers, objects, pools and memory, and a dump on a signal from every process. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { resolve } from "node:path";
import { describe, test } from "node:test";
import { Barrier, Event, Lock, Process, Queue, RWLock, Semaphore, sleep, snapshot, Thread, ThreadPool } from "allcores";
import * as tasks from "../fixtures/deadlock-tasks.js";
import { waitersOf } from "../fixtures/waiters.js";
import { timeLimit } from "../time-limit.js";

const WHOLE = { timeout: timeLimit(30_000) };
const ofLabel = (label: string) => snapshot().objects.find((object) => object.label === label);

describe("a snapshot", () => {
  test("names objects and tells of their state", WHOLE, async () => {
    const queue = new Queue<number>({ label: "jobs", maxSize: 5 });
    queue.putSync(1);
    queue.putSync(2);
    const semaphore = new Semaphore(3, { label: "permits" });
    using _permit = semaphore.acquireSync();
    const barrier = new Barrier(2, { label: "meeting" });
    const event = new Event({ label: "ready" });
    event.set();
    const lock = new RWLock({ label: "doc" });
    using _reading = lock.readSync();
    assert.deepEqual(ofLabel("jobs")!.state, { size: 2, maxSize: 5, capacity: 0, unfinished: 2, shutDown: false });
    assert.equal(ofLabel("jobs")!.kind, "Queue");
    assert.equal(ofLabel("jobs")!.references, 1);
    assert.deepEqual(ofLabel("permits")!.state, { free: 2, permits: 3 });
    assert.deepEqual(ofLabel("meeting")!.state, { parties: 2, waiting: 0, broken: false });
    assert.deepEqual(ofLabel("ready")!.state, { set: true });
    assert.deepEqual(ofLabel("doc")!.state, { writing: false, readers: 1 });
    const [holder] = ofLabel("doc")!.holders;
    assert.deepEqual(holder, { name: "MainThread", model: "main", pid: process.pid, tid: holder!.tid });
    for (const object of [queue, semaphore, barrier, event, lock]) assert.ok(object.label !== undefined);
  });

  test("does not list a thread that ended", WHOLE, async () => {
    for (let n = 0; n < 10; n++) {
      const thread = Thread.start(tasks.get, new Queue<number>({ label: "never filled" }));
      while (!snapshot().workers.some(({ name }) => name === thread.name)) await sleep(2);
      thread.terminate();
      await thread.join().catch(() => {});
      assert.equal(thread.isAlive, false);
      assert.deepEqual(
        snapshot().workers.filter(({ name }) => name === thread.name),
        [],
      );
    }
  });

  for (const across of ["threads", "processes"] as const) {
    test(`tells who holds and who waits, across ${across}`, WHOLE, async () => {
      const lock = new Lock({ label: `lock ${across}`, across });
      const queue = new Queue({ label: `queue ${across}`, across });
      using held = lock.acquireSync();
      const meeting = new Barrier(1, { across });
      const own = new Lock({ across, label: `own ${across}` });
      const worker =
        across === "threads"
          ? Thread.start(tasks.nest, own, lock, meeting)
          : Process.start(tasks.nest, own, lock, meeting);
      const getter = across === "threads" ? Thread.start(tasks.get, queue) : Process.start(tasks.get, queue);
      while (waitersOf(lock) + waitersOf(queue, 2) < 2) await sleep(5);
      const { workers, objects, memory } = snapshot();
      const seen = workers.find(({ name }) => name === worker.name)!;
      assert.deepEqual(
        seen.holds.map(({ label, count }) => [label, count]),
        [[own.label, 1]],
      );
      assert.deepEqual(
        seen.waits.map(({ label, how, count }) => [label, how, count]),
        [[lock.label, "blocking", 1]],
      );
      assert.equal(workers.find(({ name }) => name === getter.name)!.waits[0]!.purpose, "an item");
      const seenLock = objects.find(({ label }) => label === lock.label)!;
      assert.deepEqual(
        seenLock.holders.map(({ name }) => name),
        ["MainThread"],
      );
      assert.deepEqual(
        seenLock.waiters.map(({ name }) => name),
        [worker.name],
      );
      assert.ok(memory.every(({ used, reserved }) => used > 0 && reserved >= used));
      assert.deepEqual(JSON.parse(JSON.stringify(snapshot())).pid, process.pid);
      const text = String(snapshot());
      for (const part of [
        worker.name,
        `holds Lock "own ${across}"`,
        `waits for Lock "lock ${across}"`,
        "held by MainThread",
        `across ${across}: `,
      ])
        assert.ok(text.includes(part), part);
      held[Symbol.dispose]();
      queue.putSync(1);
      await Promise.all([worker.join(), getter.join()]);
    });
  }

  test("counts the tasks of pools", WHOLE, async () => {
    const event = new Event();
    await using pool = new ThreadPool({ workers: 1 });
    const running = pool.submit(tasks.waitAwaiting, event);
    const queued = pool.submit(tasks.waitAwaiting, event);
    while (pool.stats().running !== 1) await sleep(5);
    const [seen] = snapshot().pools;
    assert.equal(seen!.stats.running, 1);
    assert.equal(seen!.stats.queued, 1);
    assert.match(String(snapshot()), /1 tasks running, 1 queued/);
    event.set();
    await Promise.all([running, queued]);
  });
});

describe("a dump on a signal", () => {
  test("comes from every process that listens, blocked ones too, and kills none of the others", WHOLE, async () => {
    const child = spawn(process.execPath, [resolve(import.meta.dirname, "../fixtures/programs/dumping.js")], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let errors = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    const ended = new Promise((done) => child.on("exit", (code, signal) => done(signal ?? code)));
    const until = async (condition: () => boolean) => {
      for (const end = performance.now() + timeLimit(20_000); !condition(); await sleep(10))
        if (performance.now() > end) throw new Error(`never came true: ${condition}\n${output}\n${errors}`);
    };
    await until(() => output.includes("ready"));
    const pids = output.match(/\d+/g)!.map(Number);
    assert.equal(pids.length, 4);
    const [main, early, ...later] = pids;
    child.kill("SIGUSR2");
    const dumped = (pid: number) => errors.includes(`allcores: process ${pid} at `);
    await until(() => dumped(main!) && later.every(dumped));
    assert.ok(!dumped(early!), "a process that was started before does not listen");
    // Once each: whom it is passed on to does not pass it on again.
    for (const pid of [main!, ...later]) assert.equal(errors.split(`allcores: process ${pid} at `).length, 2);
    errors = "";
    // Any of them may get it. The main thread of the first is blocked, the second awaits.
    process.kill(later[1]!, "SIGUSR2");
    await until(() => [main!, ...later].every(dumped));
    child.kill("SIGTERM");
    assert.equal(await ended, "SIGTERM");
  });

  test("is refused for what is no signal, and in a thread", WHOLE, async () => {
    const code = `import { dumpOnSignal } from "allcores"; import { Worker, isMainThread } from "node:worker_threads";
      try { dumpOnSignal("SIGWHAT"); } catch (error) { console.log(error.code); }
      if (isMainThread) new Worker(new URL(import.meta.url)); else try { dumpOnSignal(); } catch (error) { console.log(error.code); }`;
    const file = resolve(import.meta.dirname, "../fixtures/programs/dumping-refused.mjs");
    const { writeFileSync, rmSync } = await import("node:fs");
    writeFileSync(file, code);
    const stdout = await new Promise<string>((done, fail) =>
      execFile(process.execPath, [file], (error, text) => (error ? fail(error) : done(text))),
    );
    rmSync(file);
    assert.deepEqual(stdout.trim().split("\n"), [
      "ERR_ALLCORES_ARGUMENT_TYPE",
      "ERR_ALLCORES_ARGUMENT_TYPE",
      "ERR_ALLCORES_STATE",
    ]);
  });
});
