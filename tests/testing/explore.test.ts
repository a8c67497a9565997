/** What the explorer finds, and that it finds it in every such program. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type Exploration,
  type ExploreOptions,
  explore,
  type FailureKind,
  type Program,
  ScheduleError,
} from "allcores/testing";
import * as programs from "../fixtures/explored-programs.js";

// biome-ignore lint/suspicious/noExplicitAny: each program shares something else.
type AnyProgram = Program<any>;

async function fails(kind: FailureKind, program: AnyProgram, options: ExploreOptions = {}): Promise<Exploration> {
  const exploration = await explore(program, options);
  assert.equal(exploration.failure?.kind, kind, exploration.toString());
  return exploration;
}

/** A test of one of them. */
function finds(name: string, run: () => Promise<unknown>): void {
  test(name, async () => {
    await run();
  });
}

async function passes(program: AnyProgram, options: ExploreOptions = {}): Promise<Exploration> {
  const exploration = await explore(program, options);
  exploration.throwIfFailed();
  assert.ok(exploration.isExhaustive);
  return exploration;
}

describe("the explorer finds", () => {
  const { twoLocks, forwards, backwards, backwardsAwaiting } = programs;
  test("a deadlock of two locks, and where each worker waits", async () => {
    const { failure } = await fails("deadlock", { setup: twoLocks, workers: [forwards, backwards] });
    assert.match(
      failure!.message,
      /worker 0 waits at explored-programs\.ts:\d+ first\.runSync.*worker 1 waits at explored-programs\.ts:\d+ second\.runSync/,
    );
  });
  finds("a deadlock between blocking and awaiting code", () =>
    fails("deadlock", { setup: twoLocks, workers: [forwards, backwardsAwaiting] }),
  );
  finds("none where both take them in one order", () => passes({ setup: twoLocks, workers: [forwards, forwards] }));

  const { counter, incrementPlainly, incrementByRetry, incrementWithoutRetry, isTwo } = programs;
  test("a data race, by its two lines", async () => {
    const { failure } = await fails("race", {
      setup: counter,
      workers: [incrementPlainly, incrementPlainly],
      check: isTwo,
    });
    assert.match(
      failure!.message,
      /worker 0 at explored-programs\.ts:\d+ count\.value \+= 1.*worker 1|worker 1 at .*worker 0/,
    );
  });
  finds("the lost update that it leads to", () =>
    fails("check", { setup: counter, workers: [incrementPlainly, incrementPlainly], check: isTwo }, { races: false }),
  );
  finds("a compareExchange that is not tried again", () =>
    fails("check", { setup: counter, workers: [incrementWithoutRetry, incrementWithoutRetry], check: isTwo }),
  );
  finds("nothing wrong with one that is", () =>
    passes({ setup: counter, workers: [incrementByRetry, incrementByRetry], check: isTwo }, { preemptions: 5 }),
  );

  finds("broken mutual exclusion", () =>
    fails("exception", { setup: programs.ownLock, workers: [programs.enterOwnLock, programs.enterOwnLock] }),
  );
  finds("a lost item", () =>
    fails("check", {
      setup: programs.mail,
      workers: [programs.sendTwo, programs.takeUntilEmpty],
      check: programs.sumIsThree,
    }),
  );
  finds("a notification that came before the wait", () =>
    fails("deadlock", { setup: programs.signal, workers: [programs.announce, programs.waitTooLate] }),
  );
  finds("none where the condition is looked at under the lock", () =>
    passes({ setup: programs.signal, workers: [programs.announce, programs.waitProperly] }),
  );
  finds("a livelock", () =>
    fails("livelock", { setup: counter, workers: [programs.spinForEver, incrementByRetry] }, { steps: 2000 }),
  );
  finds("its way out of a spin that another worker ends", () =>
    passes({ setup: counter, workers: [programs.spinUntilSet, incrementByRetry] }, { preemptions: 1 }),
  );
  test("a wait that nobody ends", async () => {
    const { failure } = await fails("deadlock", { setup: programs.event, workers: [programs.waitForNothing] });
    assert.match(failure!.message, /worker 0 waits at .*event\.waitSync\(\)/);
  });
  finds("a promise that nobody settles", () =>
    fails("deadlock", { setup: programs.event, workers: [programs.awaitNothing] }),
  );
  test("a rejection that nobody handles", async () => {
    const { failure } = await fails("exception", { setup: programs.event, workers: [programs.forgetRejection] });
    assert.match(failure!.message, /RangeError: nobody looks/);
  });
  test("what is thrown that is no error", async () => {
    const { failure } = await fails("exception", { setup: programs.event, workers: [programs.throwText] });
    assert.match(failure!.message, /no error at all was thrown/);
  });
  finds("that a program is not the same each time", () =>
    fails(
      "divergence",
      { setup: counter, workers: [programs.somethingElseEachTime, incrementByRetry, incrementByRetry] },
      { preemptions: 3, races: false },
    ),
  );
});

describe("data races are accesses", () => {
  const { cells, setOne, setSame, setField, readField, readBig, addBig, setBig } = programs;
  test("to one element of an array, not to its neighbour", async () => {
    await passes({ setup: cells, workers: [setOne, setOne, setOne] });
    await fails("race", { setup: cells, workers: [setSame, setSame] });
  });
  test("to a field of a struct", async () => {
    await fails("race", { setup: cells, workers: [setField, readField] });
    await passes({ setup: cells, workers: [readField, readField] });
  });
  test("of which one assigns: reading beside an add is none", async () => {
    await passes({ setup: cells, workers: [readBig, addBig] });
    await fails("race", { setup: cells, workers: [setBig, addBig] });
  });
});

describe("time is the schedule's own", () => {
  const { event, sleepAnHour, sleepAnHourAwaiting, waitTwoHours, waitHalfAnHour, waitBySignal } = programs;
  test("an hour of sleep costs none", async () => {
    const { duration } = await passes({ setup: event, workers: [sleepAnHour, sleepAnHourAwaiting] });
    assert.ok(duration < 60_000);
  });
  finds("timeouts run out before or after what they wait for", () =>
    passes({ setup: event, workers: [sleepAnHour, waitHalfAnHour] }),
  );
  test("a longer timeout may run out first where time is let run", async () => {
    const { failure } = await fails("exception", { setup: event, workers: [sleepAnHour, waitTwoHours] });
    assert.match(failure!.message, /TimeoutError/);
  });
  finds("AbortSignal.timeout goes by it", () => passes({ setup: event, workers: [waitBySignal] }));
});

describe("a failing schedule", () => {
  const program: AnyProgram = { setup: programs.twoLocks, workers: [programs.forwards, programs.backwards] };
  test("is tried again from its text, with the same table", async () => {
    const { failure } = await fails("deadlock", program);
    const again = await fails("deadlock", program, { replay: failure!.schedule });
    assert.equal(again.schedules, 1);
    assert.equal(again.failure!.table, failure!.table);
  });
  test("is the same each time for one seed", async () => {
    const [one, two] = await Promise.all([
      fails("deadlock", program, { seed: 7 }),
      fails("deadlock", program, { seed: 7 }),
    ]);
    assert.equal(one.failure!.schedule, two.failure!.schedule);
    assert.equal(one.schedules, two.schedules);
  });
  test("has one column a worker, and the program's lines", async () => {
    const { table } = (await fails("deadlock", program)).failure!;
    assert.match(table, /^step +worker 0 +worker 1$/m);
    assert.match(table, /explored-programs\.ts:\d+ first\.runSync/);
    assert.match(table, /lock "second"\[0\]: free => worker \d/);
    assert.doesNotMatch(table, /heap\.ticket/);
  });
  test("has the library's own words too, where they are asked for", async () => {
    const { table } = (await fails("deadlock", program, { internals: true })).failure!;
    assert.match(table, /heap\.ticket: 0 => 1/);
  });
  test("throws itself", async () => {
    const exploration = await fails("deadlock", program);
    assert.throws(
      () => exploration.throwIfFailed(),
      (error) =>
        error instanceof ScheduleError &&
        error.code === "ERR_ALLCORES_SCHEDULE" &&
        error.schedule === exploration.failure!.schedule,
    );
  });
  test("is found by chance where no switch is tried in full", async () => {
    const found = await fails("deadlock", program, { preemptions: 0, walks: 200 });
    assert.ok(found.walks > 0);
  });
});

describe("the explorer refuses", () => {
  const rejects = (program: AnyProgram, code: RegExp | object, options?: ExploreOptions) =>
    assert.rejects(explore(program, options), code);
  const { counter, doNothing } = programs;
  finds("what is no task", () =>
    rejects({ setup: counter, workers: [(() => 1) as never] }, { code: "ERR_ALLCORES_NOT_A_TASK" }),
  );
  test("no workers, and too many", async () => {
    await rejects({ setup: counter, workers: [] }, { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
    await rejects({ setup: counter, workers: new Array(7).fill(doNothing) }, { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
  });
  finds("what is no program", () => rejects(undefined as never, { code: "ERR_ALLCORES_ARGUMENT_TYPE" }));
  test("bounds that are none", async () => {
    const program: AnyProgram = { setup: counter, workers: [doNothing] };
    await rejects(program, { code: "ERR_ALLCORES_ARGUMENT_RANGE" }, { preemptions: -1 });
    await rejects(program, { code: "ERR_ALLCORES_ARGUMENT_TYPE" }, { walks: "many" as never });
    await rejects(program, { code: "ERR_ALLCORES_ARGUMENT_RANGE" }, { mortal: [1] });
    await rejects(program, { code: "ERR_ALLCORES_ARGUMENT_RANGE" }, { replay: "first this, then that" });
    await rejects(program, { code: "ERR_ALLCORES_ARGUMENT_TYPE" }, { onProgress: 1 as never });
  });
  test("a setup that waits, that throws, and one that shares a closure", async () => {
    await rejects(
      { setup: programs.setupThatWaits, workers: [doNothing] },
      { code: "ERR_ALLCORES_STATE", message: /setup\(\) must not wait/ },
    );
    await rejects({ setup: programs.setupThatThrows, workers: [doNothing] }, { message: "no setup today" });
    await rejects({ setup: programs.setupWithClosure, workers: [doNothing] }, { message: /setup\(\)\.callback/ });
  });
  test("workers that start workers", async () => {
    for (const worker of [programs.startThread, programs.startProcess]) {
      const { failure } = await fails("exception", { setup: counter, workers: [worker] });
      assert.match(failure!.message, /an explored program cannot start workers/);
    }
  });
});

test("a worker that dies is told from one that fails", async () => {
  const { failure } = await explore(
    { setup: programs.twoLocks, workers: [programs.forwards, programs.forwards] },
    { deaths: 1, mortal: [0] },
  );
  assert.equal(failure, undefined);
});

test("an exploration stops at its limits, and says so", async () => {
  const program: AnyProgram = { setup: programs.mail, workers: [programs.sendTwo, programs.sendTwo] };
  const few = await explore(program, { schedules: 50, walks: 0 });
  assert.equal(few.isExhaustive, false);
  assert.ok(few.schedules <= 50);
  const short = await explore(program, { timeLimit: 0, walks: 0 });
  assert.equal(short.isExhaustive, false);
});

test("programs of one worker and of six take turns, and none of the six threads is left in an exploration that is over", async () => {
  const options: ExploreOptions = { preemptions: 0, walks: 0 };
  const of = (workers: number): AnyProgram => ({
    setup: programs.counter,
    workers: new Array(workers).fill(programs.doNothing),
  });
  for (let round = 0; round < 15; round++) {
    await passes(of(6), options);
    await passes(of(1), options);
  }
});

test("progress is told", async () => {
  let told = 0;
  const program: AnyProgram = { setup: programs.mail, workers: [programs.sendTwo, programs.sendTwo] };
  await explore(program, { preemptions: 3, schedules: 500, onProgress: () => told++ });
  assert.ok(told > 0);
});
