/** Deadlocks in which somebody waits for several things at once, or at a pipe. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  Barrier,
  ConnectionClosedError,
  createPipe,
  Event,
  Queue,
  RLock,
  snapshot,
  sleep,
  WorkerDiedError,
} from "allcores";
import {
  AFTER_MS,
  errorsAmong,
  isNeverIdle,
  outcome,
  outcomes,
  Scene,
  until,
  watchOver,
  WHOLE,
} from "../fixtures/deadlock-scene.js";
import * as tasks from "../fixtures/deadlock-tasks.js";

watchOver();

/** Long enough for whatever would be found. */
const A_WHILE_MS = 4 * AFTER_MS;

for (const across of ["threads", "processes"] as const) {
  for (const how of ["blocking", "awaiting"] as const) {
    const isAwaiting = how === "awaiting";
    const choose = isAwaiting ? tasks.chooseAwaiting : tasks.choose;
    const receive = isAwaiting ? tasks.receiveAwaiting : tasks.receive;
    const send = isAwaiting ? tasks.sendAwaiting : tasks.send;

    describe(`${how} across ${across}`, { concurrency: 5, skip: isAwaiting && isNeverIdle(across) }, () => {
      test("a select waits in vain once nobody else has any of its things", WHOLE, async () => {
        const scene = new Scene();
        const [jobs, stop] = [new Queue({ across, label: "jobs" }), new Event({ across, label: "stop" })];
        const worker = scene.start(across, choose, jobs, stop);
        await until(() => scene.waitersFor("Queue") === 1 && scene.waitersFor("Event") === 1);
        jobs.free();
        await sleep(A_WHILE_MS);
        assert.deepEqual(scene.told(), [], "as long as somebody has one of them, it may still come");
        stop.free();
        await until(() => scene.told().length > 0);
        const [report, ...others] = scene.told();
        assert.deepEqual(others, []);
        assert.equal(report!.kind, "abandoned");
        assert.equal(report!.proven, !isAwaiting);
        assert.deepEqual(report!.members.map(({ waitsFor }) => waitsFor.label).sort(), ["jobs", "stop"]);
        for (const member of report!.members) {
          assert.equal(member.worker.name, worker.name);
          assert.equal(member.how, how);
          assert.equal(member.stack === undefined, isAwaiting);
        }
        if (isAwaiting) worker.kill();
        else
          assert.match(
            report!.text,
            /for (Queue "jobs" \(an item\) or Event "stop"|Event "stop" or Queue "jobs" \(an item\))\n/,
          );
        const [error] = errorsAmong(
          [await outcome(worker)].filter((each) => !(each instanceof WorkerDiedError)),
          "none",
        );
        assert.equal(error?.report?.text, isAwaiting ? undefined : report!.text);
      });

      test("a select is part of a circle of locks only if nothing else can end it", WHOLE, async () => {
        const scene = new Scene();
        const meeting = new Barrier(2, { across });
        const [a, b] = [new RLock({ across, label: "a" }), new RLock({ across, label: "b" })];
        const stop = new Event({ across, label: "stop" });
        const workers = [
          scene.start(across, choose, b, stop, a, meeting),
          scene.start(across, isAwaiting ? tasks.nestAwaiting : tasks.nest, b, a, meeting),
        ];
        await until(() => scene.waitersFor("RLock") === 2);
        await sleep(A_WHILE_MS);
        assert.deepEqual(scene.told(), []);
        stop.free();
        await until(() => scene.told().length > 0);
        const [report] = scene.told();
        assert.equal(report!.kind, "cycle");
        assert.equal(report!.proven, !isAwaiting);
        assert.deepEqual(report!.members.map(({ waitsFor }) => waitsFor.label).sort(), ["a", "b", "stop"]);
        if (isAwaiting) for (const worker of workers) worker.kill();
        const found = await outcomes(...workers);
        if (!isAwaiting) assert.equal(errorsAmong(found, found.includes("both") ? "both" : "first").length, 1);
        assert.equal(scene.told().length, 1, "told once");
      });

      test("two that receive from each other are told of, and wait on", WHOLE, async () => {
        const scene = new Scene();
        const [here, there] = createPipe({ across, label: "talk" });
        const workers = [scene.start(across, receive, here), scene.start(across, receive, there)];
        await until(() => scene.told().length > 0);
        const [report, ...others] = scene.told();
        assert.deepEqual(others, []);
        assert.deepEqual([report!.kind, report!.proven, report!.victim], ["abandoned", false, undefined]);
        assert.deepEqual(
          report!.members.map(({ worker }) => worker.name).sort(),
          workers.map(({ name }) => name).sort(),
        );
        for (const { waitsFor, how: seen } of report!.members)
          assert.deepEqual([waitsFor.kind, waitsFor.label, waitsFor.purpose, seen], ["Pipe", "talk", "a message", how]);
        assert.equal(scene.waitersFor("Pipe"), 2);
        workers[0]!.kill();
        const [dead, closed] = await outcomes(...workers);
        assert.ok(dead instanceof WorkerDiedError);
        assert.ok(closed instanceof ConnectionClosedError);
      });

      test("two that send to each other, and neither receives", WHOLE, async () => {
        const scene = new Scene();
        const [here, there] = createPipe({ across, capacity: 100 });
        const workers = [scene.start(across, send, here), scene.start(across, send, there)];
        await until(() => scene.told().length > 0);
        assert.deepEqual(
          scene.told()[0]!.members.map(({ waitsFor }) => waitsFor.purpose),
          ["room", "room"],
        );
        workers[0]!.kill();
        assert.ok((await outcomes(...workers))[1] instanceof ConnectionClosedError);
      });

      test("a one-way pipe: the receiver holds what its sender waits for", WHOLE, async () => {
        const scene = new Scene();
        const [receiving, sending] = createPipe<unknown>({ across, duplex: false, capacity: 100 });
        const lock = new RLock({ across, label: "lock" });
        const meeting = new Barrier(2, { across });
        const never = new Event({ across });
        const workers = [
          scene.start(across, choose, receiving as never, never, lock, meeting),
          scene.start(
            across,
            isAwaiting ? tasks.sendUnderLockAwaiting : tasks.sendUnderLock,
            sending as never,
            lock,
            meeting,
          ),
        ];
        await until(() => scene.waitersFor("Pipe") === 1 && scene.waitersFor("RLock") === 1);
        await sleep(A_WHILE_MS);
        assert.deepEqual(scene.told(), []);
        never.free();
        await until(() => scene.told().length > 0);
        assert.deepEqual(
          scene
            .told()[0]!
            .members.map(({ waitsFor }) => waitsFor.purpose ?? waitsFor.kind)
            .sort(),
          ["Event", "RLock", "a message"],
        );
        assert.equal(scene.told()[0]!.proven, false);
        for (const worker of workers) worker.kill();
        await outcomes(...workers);
      });

      test("an end whose worker is busy, or that is on its way, may still send", WHOLE, async () => {
        const scene = new Scene();
        const [here, there] = createPipe({ across, label: "kept" });
        const [mine, travels] = createPipe({ across });
        const carrier = new Queue<typeof travels>({ across });
        await carrier.put(travels);
        const workers = [
          scene.start(across, receive, here),
          scene.start(across, tasks.keepEnd, there),
          scene.start(across, receive, mine),
        ];
        await until(() => scene.waitersFor("Pipe") === 2);
        await sleep(A_WHILE_MS);
        assert.deepEqual(scene.told(), []);
        const seen = snapshot().workers.find(({ name }) => name === workers[0]!.name)!;
        assert.deepEqual(
          seen.waits.map(({ kind, label, purpose, how: seenHow }) => [kind, label, purpose, seenHow]),
          [["Pipe", "kept", "a message", how]],
        );
        assert.ok(seen.holds.some(({ kind }) => kind === "Connection"));
        workers[1]!.kill();
        await (await carrier.get()).send("at last");
        const [closed, , received] = await outcomes(...workers);
        assert.ok(closed instanceof ConnectionClosedError);
        assert.equal(received, "at last");
      });
    });
  }
}

describe("a thread", { concurrency: 5 }, () => {
  test("that selects in both heaps waits in vain once both are closed to it", WHOLE, async () => {
    for (const [name, order] of Object.entries({ near: [0, 1], far: [1, 0] })) {
      const scene = new Scene();
      const things = [new Queue(), new Event({ across: "processes" })] as const;
      const worker = scene.start("threads", tasks.choose, ...things);
      await until(() => scene.waitersFor("Queue") === 1 && scene.waitersFor("Event") === 1);
      things[order[0]!]!.free();
      await sleep(A_WHILE_MS);
      assert.deepEqual(scene.told(), [], `${name} first`);
      things[order[1]!]!.free();
      const [error] = errorsAmong([await outcome(worker)], "none");
      assert.deepEqual(error!.report!.members.map(({ waitsFor }) => waitsFor.across).sort(), ["processes", "threads"]);
    }
  });

  test("of another process that selects what only its own process sees is not taken for stuck", WHOLE, async () => {
    const scene = new Scene();
    const across = "processes";
    const meeting = new Barrier(2, { across });
    const [a, b] = [new RLock({ across }), new RLock({ across })];
    const goOn = new Event({ across });
    const outsider = scene.start(across, tasks.nest, b, a, meeting);
    await until(() => snapshot().workers.some(({ name, holds }) => name === outsider.name && holds.length > 0));
    const workers = [scene.start(across, tasks.chooseNear, b, a, goOn), outsider];
    await until(() => scene.waitersFor("RLock") === 1);
    // The last to wait is the one who would get the error.
    await meeting.wait();
    await until(() => scene.waitersFor("RLock") === 2);
    await sleep(A_WHILE_MS);
    assert.deepEqual(scene.told(), []);
    goOn.set();
    assert.deepEqual(await outcomes(...workers), ["near", "both"]);
    assert.deepEqual(scene.told(), []);
  });

  test("that blocks is in a circle whatever its loop awaited in the other heap", WHOLE, async () => {
    const scene = new Scene();
    const meeting = new Barrier(2);
    const [a, b] = [new RLock(), new RLock()];
    const never = new Event({ across: "processes" });
    const goOn = new Event();
    const workers = [
      scene.start("threads", tasks.nestBesideLoop, a, b, meeting, never, goOn),
      scene.start("threads", tasks.nest, b, a, meeting),
    ];
    // Its loop has said in both heaps that it waits.
    await until(() =>
      snapshot().workers.some(
        ({ name, waits }) => name === workers[0]!.name && waits.filter(({ since }) => since !== undefined).length === 2,
      ),
    );
    goOn.set();
    const errors = errorsAmong(await outcomes(...workers), "both");
    assert.equal(errors.length, 1);
    never.set();
  });

  test("that has both ends of a pipe waits for itself", WHOLE, async () => {
    const scene = new Scene();
    const [here, there] = createPipe({ label: "own" });
    const worker = scene.start("threads", tasks.receiveBesideOwnEnd, here, there);
    await until(() => scene.told().length > 0);
    assert.equal(scene.told()[0]!.members.length, 1);
    assert.equal(scene.told()[0]!.proven, false);
    worker.kill();
    await outcome(worker);
  });

  test("remembers where a pipe was created, when asked to", WHOLE, async () => {
    const { detectDeadlocks } = await import("allcores");
    detectDeadlocks({ stacks: true });
    const scene = new Scene();
    const worker = scene.start("threads", tasks.receiveFromItself);
    await until(() => scene.told().length > 0);
    assert.match(String(scene.told()[0]!.members[0]!.created), /deadlock-tasks/);
    worker.kill();
    await outcome(worker);
  });

  test("that selects with a timeout, or until a moment, is no deadlock", WHOLE, async () => {
    const scene = new Scene();
    const worker = scene.start("threads", tasks.chooseUntil, 2 * A_WHILE_MS);
    assert.equal(await outcome(worker), "ERR_ALLCORES_TIMEOUT later");
    assert.deepEqual(scene.told(), []);
  });
});
