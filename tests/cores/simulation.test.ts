/** The simulated machine, and the primitives on it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Bed, Line, Signal, SimulatedMachine } from "../../bench/cores/simulated-machine.js";
import { type Costs, simulate, type SubjectName } from "../../bench/cores/subjects.js";

const CHARGES = { atomic: 10, move: 100, wakeCall: 4000, wakeUp: 20_000, contextSwitch: 1000, timeSlice: 3e6 };
const COSTS: Costs = {
  alone: { lock: 40, semaphore: 140, queue: 80, SharedMap: 600 },
  read: 150,
  record: 10,
  wait: 100,
  look: 10,
};
const SUBJECTS: readonly SubjectName[] = ["lock", "semaphore", "queue", "SharedMap"];

test("threads share the cores by time slices", () => {
  const machine = new SimulatedMachine(2, { ...CHARGES, contextSwitch: 0 }, 1);
  for (let thread = 0; thread < 3; thread++)
    machine.start(function* () {
      for (let step = 0; step < 10; step++) yield 1e6;
    });
  // 30 ms of work, the last slice by one thread alone at most.
  const ns = machine.run();
  assert.ok(ns >= 15e6 && ns <= 18e6, `${ns}`);
});

test("a line comes to one core at a time, and stays where it is", () => {
  const machine = new SimulatedMachine(4, CHARGES, 1);
  const line = new Line();
  assert.equal(machine.touch(0, line), 110);
  assert.equal(machine.touch(0, line), 10);
  // Both at the same instant: the second waits for the first.
  assert.equal(machine.touch(1, line), 210);
  assert.equal(machine.touch(2, line, false), 310);
  // The reader has a copy beside the one that wrote it.
  assert.equal(machine.touch(1, line, false), 10);
});

test("a sleeper goes on when it is woken, or when its time is over", () => {
  const machine = new SimulatedMachine(2, CHARGES, 1);
  const bed = new Bed();
  const answers: [boolean, number][] = [];
  for (const most of [Number.POSITIVE_INFINITY, 500_000])
    machine.start(function* () {
      answers.push([yield { bed, most }, machine.now]);
    });
  machine.start(function* () {
    yield 10_000;
    yield machine.wake(bed);
  });
  machine.run();
  assert.deepEqual(
    answers.map(([answer]) => answer),
    [true, false],
  );
  assert.ok(answers[1]![1] >= 500_000);
});

test("who looks goes on at once when it comes, and gives up in the end", () => {
  const machine = new SimulatedMachine(2, CHARGES, 1);
  const signal = new Signal();
  const answers: boolean[] = [];
  machine.start(function* () {
    answers.push(yield { at: signal, most: 50_000 });
    answers.push(yield { at: signal, most: 50_000 });
  });
  machine.start(function* () {
    yield 10_000;
    machine.tell(signal);
  });
  machine.run();
  assert.deepEqual(answers, [true, false]);
});

const run = (subject: SubjectName, cores: number, workers: number, costs = COSTS): number =>
  simulate(subject, new SimulatedMachine(cores, CHARGES, 7), costs, { workers, cores, operations: 4000 });

for (const subject of SUBJECTS) {
  test(`${subject}: all operations are done, by few and by many, and take the same time each time`, () => {
    for (const [cores, workers] of [
      [1, 2],
      [2, 2],
      [2, 64],
      [64, 64],
      [192, 1000],
    ] as const) {
      // It throws when one was lost.
      const ns = run(subject, cores, workers);
      assert.ok(ns > 0);
      assert.equal(run(subject, cores, workers), ns);
    }
  });
}

test("one worker alone takes what was measured alone", () => {
  for (const subject of ["lock", "semaphore", "SharedMap"] as const) {
    const ns = run(subject, 2, 1);
    const ratio = ns / COSTS.alone[subject];
    assert.ok(ratio > 0.7 && ratio < 1.4, `${subject}: ${ratio}`);
  }
});

test("a dearer walk over the records makes a contended lock of many slower", () => {
  assert.ok(run("lock", 64, 1000, { ...COSTS, record: 100 }) > run("lock", 64, 1000, { ...COSTS, record: 1 }));
});
