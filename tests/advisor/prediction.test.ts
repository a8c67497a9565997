import assert from "node:assert/strict";
import { test } from "node:test";
import { decide, turnOf } from "../../src/advisor/decision.js";
import { reasonsOf } from "../../src/advisor/advice-words.js";
import { spread } from "../../src/advisor/advise.js";
import { type Grounds, predict } from "../../src/advisor/prediction.js";
import { type SampledRun, type SampleSummary, summaryOf } from "../../src/advisor/sample.js";
import { Sight } from "../../src/advisor/sight.js";
import { serialPart } from "../../src/advisor/worker-trial.js";

/** An item of `wall` milliseconds that computes all the time, unless told otherwise. */
const sampleOf = (wall: number, other: Partial<SampleSummary> = {}): SampleSummary => ({
  runs: 36,
  inputs: 12,
  wall,
  cpu: wall,
  elsewhere: 0,
  waiting: 0,
  held: wall,
  blocked: 0,
  argumentBytes: 8,
  resultBytes: 8,
  codec: 0.001,
  allocated: 1000,
  growth: 1,
  noise: 0.01,
  failures: 0,
  ...other,
});
const groundsOf = (sample: SampleSummary, items: number, other: Partial<Grounds> = {}): Grounds => ({
  sample,
  items,
  cores: 4,
  starts: { thread: 40, process: 90 },
  serial: { workers: 0, loop: 0 },
  most: 16,
  ...other,
});
const none = new Set<never>();
const chosen = (grounds: Grounds) => decide(grounds, none, false).chosen;
const waiting = (wall: number, cpu = 0.1) => sampleOf(wall, { cpu, held: cpu, waiting: 1 - cpu / wall });

test("what waits is for this loop; what computes for as many threads as there are cores", () => {
  assert.deepEqual(
    [chosen(groundsOf(waiting(20), 1000)).model, chosen(groundsOf(waiting(20), 1000)).workers],
    ["async", 32],
  );
  assert.deepEqual(
    [chosen(groundsOf(sampleOf(20), 1000)).model, chosen(groundsOf(sampleOf(20), 1000)).workers],
    ["thread", 4],
  );
});

test("work that is shorter than the start of a worker stays here, and it is told from how many items on it goes", () => {
  const grounds = groundsOf(sampleOf(0.1), 100);
  assert.equal(chosen(grounds).model, "async");
  const turn = turnOf(grounds, none, 2);
  assert.ok(
    turn !== undefined && turn.model === "thread" && turn.items >= 400 && turn.items <= 1600,
    JSON.stringify(turn),
  );
  assert.equal(turnOf(groundsOf(sampleOf(20), 1000), none, 2), undefined);
});

test("what computes and waits by turns is for more threads than cores", () => {
  const { model, workers } = chosen(groundsOf(sampleOf(40, { cpu: 10, held: 10, waiting: 0.75 }), 1000));
  assert.equal(model, "thread");
  assert.ok(workers > 4);
});

test("what blocks in a call is for more threads than cores, and not for this loop", () => {
  const { model, workers } = chosen(groundsOf(sampleOf(20, { cpu: 0.1, blocked: 0.99 }), 1000));
  assert.equal(model, "thread");
  assert.equal(workers, 16);
});

test("what one lock holds up gains nothing by workers, and what waits for another nothing by calls at a time", () => {
  assert.equal(chosen(groundsOf(sampleOf(5), 400, { serial: { workers: 1, loop: 0 } })).model, "async");
  const [one, more] = [1, 32].map(
    (calls) =>
      predict(groundsOf(waiting(20), 100, { serial: { workers: 0, loop: 1 } })).find(
        ({ model, workers }) => model === "async" && workers === calls,
      )!.ms,
  );
  assert.ok(more! > one! * 0.95);
});

test("where one hands over to the other, workers are slower than one call after the other", () => {
  const grounds = groundsOf(sampleOf(5), 400, { serial: { workers: 1.2, loop: 0 } });
  assert.deepEqual([chosen(grounds).model, chosen(grounds).workers], ["async", 1]);
  const of = (workers: number) => predict(grounds).find((each) => each.model === "thread" && each.workers === workers)!;
  assert.ok(of(1).ms < of(4).ms && of(4).ms > 5 * 400 * 1.1, `${of(1).ms} ${of(4).ms}`);
  const reasons = reasonsOf(grounds, decide(grounds, none, false)).join("\n");
  assert.match(reasons, /Nothing of an item ran beside others in 4 threads: .* to hand that over takes time besides/);
});

test("a trial says which part nobody can run beside, and more than all of it where time is lost besides", () => {
  assert.equal(serialPart(10, 10, 20), 0);
  assert.equal(serialPart(10.5, 10, 20), 0);
  assert.equal(serialPart(15, 10, 20), 0.5);
  assert.equal(serialPart(22, 10, 20), 1.2);
  assert.equal(serialPart(9, 10, 20), 0);
  assert.equal(serialPart(90, 10, 20), 2);
  assert.equal(serialPart(1, 1, 1), 0);
});

test("growth over the inputs is no noise, and what lies beside its line is", () => {
  const noise = (wall: (index: number) => number) =>
    summaryOf(
      Array.from({ length: 12 }, (_, index) => run(index, wall(index))),
      { bytes: 0, ms: 0 },
    ).noise;
  assert.ok(noise((index) => 1 + 2 * index) < 1e-6);
  assert.ok(noise((index) => 10 + (index % 2 === 0 ? 4 : -4)) > 0.08);
  const grows = groundsOf(sampleOf(12, { noise: noise((index) => 1 + 2 * index), growth: 23 }), 60);
  assert.notEqual(decide(grows, none, false).certainty, "cannot tell");
});

test("what other threads compute for it takes no more of them than there are cores", () => {
  const zipped = sampleOf(4, { cpu: 0.1, held: 0.1, waiting: 0.975, elsewhere: 3.9 });
  const { candidates, chosen } = decide(groundsOf(zipped, 600, { serial: { workers: 0, loop: 0.2 } }), none, false);
  assert.equal(chosen.model, "async");
  for (const { ms, model, workers } of candidates) assert.ok(ms >= 600, `${model} ${workers} ${ms}`);
  const quiet = summaryOf([run(0, 10, { elsewhere: 1 })], { bytes: 0, ms: 0 });
  assert.equal(quiet.elsewhere, 0);
  assert.equal(summaryOf([run(0, 10, { elsewhere: 9 })], { bytes: 0, ms: 0 }).elsewhere, 9);
});

test("what takes longer to copy than to run stays here", () => {
  assert.equal(chosen(groundsOf(sampleOf(0.1, { codec: 2, argumentBytes: 1 << 20 }), 10_000)).model, "async");
});

test("what is excluded is not predicted", () => {
  const { candidates } = decide(groundsOf(sampleOf(20), 1000), new Set(["thread"]), false);
  assert.ok(candidates.every(({ model }) => model !== "thread"));
  assert.equal(decide(groundsOf(sampleOf(20), 1000), new Set(["thread"]), false).chosen.model, "process");
});

test("it is sure where the next best is far, and cannot tell where it is near", () => {
  assert.equal(decide(groundsOf(waiting(20), 1000), none, false).certainty, "sure");
  const near = decide(groundsOf(sampleOf(20, { noise: 0.5 }), 1000), none, false);
  assert.equal(near.certainty, "cannot tell");
  assert.ok(near.margin < 0.1);
});

test("chunks are some milliseconds of work, and leave each worker several", () => {
  assert.equal(decide(groundsOf(sampleOf(20), 1000), none, false).chunkSize, 1);
  assert.equal(decide(groundsOf(sampleOf(0.01), 1_000_000), none, false).chunkSize, 200);
  assert.ok(decide(groundsOf(sampleOf(0.5), 2000), none, false).chunkSize <= 2000 / 16);
});

const run = (index: number, wall: number, other: Partial<SampledRun> = {}): SampledRun => ({
  index,
  round: 1,
  wall,
  cpu: wall,
  elsewhere: 0,
  delayed: 0,
  idle: 0,
  allocated: 0,
  resultBytes: 0,
  resultMs: 0,
  failure: undefined,
  ...other,
});

test("a summary goes by the fastest run that was not the first, less what others took of the processor", () => {
  const weight = { bytes: 100, ms: 0.1 };
  const summary = summaryOf(
    [run(0, 90, { round: 0 }), run(0, 12), run(0, 30, { cpu: 10, delayed: 20 }), run(1, 10)],
    weight,
  );
  assert.equal(summary.wall, 10);
  assert.equal(summary.inputs, 2);
  assert.equal(summary.codec, 0.2);
  assert.equal(summary.waiting, 0);
  const idle = summaryOf([run(0, 50, { cpu: 1, idle: 20, delayed: 45 })], weight);
  assert.equal(idle.wall, 21);
  assert.ok(idle.waiting > 0.9);
});

test("a summary tells how the time grows over the inputs", () => {
  const growth = (wall: (index: number) => number) =>
    summaryOf(
      Array.from({ length: 8 }, (_, index) => run(index, wall(index))),
      { bytes: 0, ms: 0 },
    ).growth;
  assert.ok(Math.abs(growth(() => 5) - 1) < 1e-9);
  assert.ok(growth((index) => 1 + index) > 4);
  assert.ok(growth((index) => 8 - index) < 0.5);
});

test("a sample is spread over all inputs, and so is each beginning of it", () => {
  assert.deepEqual(spread(3, 12).sort(), [0, 1, 2]);
  const chosen = spread(1000, 12);
  assert.equal(new Set(chosen).size, 12);
  assert.ok(chosen.includes(0) && chosen.includes(999));
  assert.ok(Math.max(...chosen.slice(0, 4)) - Math.min(...chosen.slice(0, 4)) > 400);
  assert.deepEqual(spread(1, 12), [0]);
});

test("a task counts as one that waits once most looks have found it so, and not by few", () => {
  const sight = new Sight();
  for (const state of ["awaiting", "awaiting", "idle", "starting"] as const) sight.looked(state);
  assert.equal(sight.waits, false);
  sight.looked("awaiting");
  assert.equal(sight.waits, true);
  sight.looked("busy");
  sight.looked("blocked");
  assert.equal(sight.waits, false);
  assert.equal(sight.isEnough, false);
  sight.ended(4, 4);
  // The looks do not agree: the first call may have been the only one that computed.
  assert.equal(sight.isEnough, false);
  assert.match(sight.description, /4 calls have ended \(1 ms each\); of the last 5 looks 60 % found it awaiting/);
  for (let look = 0; look < 4; look++) sight.looked("awaiting");
  assert.equal(sight.isEnough, true);
  const computes = new Sight();
  for (let look = 0; look < 4; look++) computes.looked("busy");
  assert.equal(computes.isEnough, false);
  computes.ended(4, 4);
  assert.equal(computes.isEnough, true);
  const mixed = new Sight();
  for (let look = 0; look < 40; look++) mixed.looked(look % 2 === 0 ? "busy" : "awaiting");
  assert.deepEqual([mixed.isEnough, mixed.waits], [false, false]);
  mixed.ended(100, 1);
  assert.deepEqual([mixed.isEnough, mixed.waits], [true, false]);
});
