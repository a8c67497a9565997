import assert from "node:assert/strict";
import { SharedArray, task, Value } from "../../src/index.js";
import { encode } from "../../src/codec/index.js";
import { placeOf } from "../../src/objects/index.js";
import { threadHeap } from "../../src/memory/index.js";
import { MessageStore } from "../../src/pools/links/lane-cargo.js";
import { CLOSE, LAST, Lane } from "../../src/workers/lane.js";
import { LaneOwner } from "../../src/workers/lane-owner.js";
import { LaneWorker } from "../../src/workers/lane-worker.js";
import type { Model } from "./model.js";

interface Shared {
  /** Where the lane stands: it is no object that travels. */
  readonly at: number;
  readonly key: number;
  /** How often each job was run, by its number, and how often the pool had its result or took it back. */
  readonly run: SharedArray<number>;
  readonly settled: SharedArray<number>;
  /** How many jobs were seen cancelled. */
  readonly cancelled: Value<number>;
}

const JOBS = 3;
/** Any number that nobody else waits for. */
const KEY = 7;

const setup = task(import.meta, "setup", (): Shared => {
  const lane = Lane.create(threadHeap(), KEY);
  return {
    at: lane.at,
    key: KEY,
    run: new SharedArray("int32", JOBS + 1),
    settled: new SharedArray("int32", JOBS + 1),
    cancelled: new Value("int32"),
  };
});

const laneAt = (at: number): Lane => new Lane(threadHeap(), at);
const message = (value: number) => encode(value, { to: "threads" });

/** Takes jobs until it is told to end; each result is ten times what the job brought. */
function serve({ at, run, cancelled }: Shared): void {
  const lane = laneAt(at);
  lane.begin();
  const worker = new LaneWorker(lane, undefined);
  for (;;) {
    while (worker.take()) {
      if (worker.kind & CLOSE) {
        worker.done();
        return;
      }
      const value = worker.read() as number;
      run.add(worker.sequence, 1);
      if (worker.isCancelled(worker.sequence)) cancelled.add(1);
      worker.reply(LAST, 1, 0, message(value * 10));
      worker.done();
    }
    worker.waitSync(Number.POSITIVE_INFINITY);
  }
}
const serving = task(import.meta, "serving", serve);

/** Takes in what has come; sleeps until something has. */
function receive(owner: LaneOwner, { settled, key }: Shared, count: number, alive: () => boolean = () => true): void {
  for (let left = count; left > 0; ) {
    while (owner.receive()) {
      assert.equal(owner.read(), owner.sequence * 10);
      settled.add(owner.sequence, 1);
      owner.release();
      left--;
    }
    if (left === 0) return;
    const came = owner.lane.heap.parker.blockUntil(
      key,
      () => {
        owner.raiseFlag();
        if (!owner.hasResult && alive()) return undefined;
        owner.lowerFlag();
        return true;
      },
      Number.POSITIVE_INFINITY,
    );
    assert.ok(came);
    if (!owner.hasResult && !alive()) return;
  }
}

const sendingAll = task(import.meta, "sendingAll", (shared: Shared) => {
  const owner = new LaneOwner(laneAt(shared.at), undefined);
  for (let job = 1; job <= 2; job++) assert.notEqual(owner.send(job, 0, 0, 1, message(job)), undefined);
  receive(owner, shared, 2);
  assert.ok(owner.close());
});

const sendingOneByOne = task(import.meta, "sendingOneByOne", (shared: Shared) => {
  const owner = new LaneOwner(laneAt(shared.at), undefined);
  for (let job = 1; job <= 2; job++) {
    owner.send(job, 0, 0, 1, message(job));
    receive(owner, shared, 1);
  }
  owner.close();
});

const takingBack = task(import.meta, "takingBack", (shared: Shared) => {
  const owner = new LaneOwner(laneAt(shared.at), undefined);
  owner.send(1, 0, 0, 1, message(1));
  const position = owner.send(2, 0, 0, 1, message(2))!;
  const back = owner.takeBack(position);
  if (back !== undefined) shared.settled.add(2, 1);
  receive(owner, shared, back === undefined ? 2 : 1);
  // What came back travels again with its very bytes.
  if (back !== undefined) {
    shared.settled.sub(2, 1);
    owner.send(2, 0, 0, 2, back);
    receive(owner, shared, 1);
  }
  owner.close();
});

const cancelling = task(import.meta, "cancelling", (shared: Shared) => {
  const owner = new LaneOwner(laneAt(shared.at), undefined);
  owner.send(1, 0, 0, 1, message(1));
  owner.cancel(1);
  owner.send(2, 0, 0, 1, message(2));
  receive(owner, shared, 2);
  owner.close();
});

/** The worker may die before any step: each job has a result, or had begun, or is taken back unbegun. */
const outliving = task(import.meta, "outliving", (shared: Shared) => {
  const lane = laneAt(shared.at);
  const owner = new LaneOwner(lane, undefined);
  const positions = [0, owner.send(1, 0, 0, 1, message(1))!, owner.send(2, 0, 0, 1, message(2))!];
  const { registry } = lane.heap;
  const alive = () => lane.worker === 0 || registry.confirmAlive(lane.worker);
  for (let tries = 0; tries < 8 && lane.worker === 0; tries++)
    lane.heap.parker.blockUntil(shared.key, () => lane.worker !== 0 || undefined, performance.now() + 200);
  if (lane.worker !== 0) receive(owner, shared, 2, alive);
  let begun = 0;
  for (let job = 1; job <= 2; job++) {
    if (shared.settled.get(job) === 1) continue;
    if (owner.takeBack(positions[job]!) !== undefined)
      assert.equal(shared.run.get(job), 0, "a job that was taken back was begun");
    else if (owner.isTaken(positions[job]!)) begun++;
    shared.settled.add(job, 1);
  }
  assert.ok(begun <= 1, "two jobs had begun");
  owner.close();
});

/** Takes jobs that bring an object; their results say nothing of it. */
const using = task(import.meta, "using", ({ at }: Shared) => {
  const lane = laneAt(at);
  lane.begin();
  const worker = new LaneWorker(lane, undefined);
  while (!worker.take()) worker.waitSync(Number.POSITIVE_INFINITY);
  (worker.read() as Value<number>).add(1);
  worker.reply(LAST, 1, 0, message(worker.sequence * 10));
  worker.done();
});

/**
 * The worker may die before any step: what the job holds is let go of once, or has become the worker's, with which it
 * went. Nobody's use of it ends too early.
 */
const giving = task(import.meta, "giving", (shared: Shared) => {
  const lane = laneAt(shared.at);
  const { registry, allocator } = lane.heap;
  const owner = new LaneOwner(lane, undefined);
  const gift = new Value("int32", 0);
  const place = placeOf(gift as never);
  const position = owner.send(1, 0, 0, 1, encode(gift, { to: "threads" }))!;
  for (let tries = 0; tries < 8 && lane.worker === 0; tries++)
    lane.heap.parker.blockUntil(shared.key, () => lane.worker !== 0 || undefined, performance.now() + 200);
  if (lane.worker !== 0) receive(owner, shared, 1, () => registry.confirmAlive(lane.worker));
  if (lane.worker !== 0 && shared.settled.get(1) === 1) return;
  const left = owner.takeBack(position) ?? owner.recover(position);
  if (left !== undefined) new MessageStore(lane).discard(left);
  const holders = allocator.referencesTo(place);
  // Killed while it decoded, it leaks what it had not taken.
  assert.ok(
    holders === 1 || (left === undefined && holders === 2),
    `the object has ${holders} holders, and its giver is the only one`,
  );
  gift.add(1);
});

const allOnce = task(import.meta, "allOnce", ({ run, settled }: Shared) => {
  assert.deepEqual([run.get(1), run.get(2)], [1, 1], "each job is run once");
  assert.deepEqual([settled.get(1), settled.get(2)], [1, 1], "each job has one result");
});
const allSettled = task(import.meta, "allSettled", ({ run, settled }: Shared) => {
  assert.deepEqual([settled.get(1), settled.get(2)], [1, 1]);
  assert.ok(run.get(1) <= 1 && run.get(2) <= 1);
});
const firstOnly = task(import.meta, "firstOnly", (shared: Shared) => {
  allOnce(shared);
  assert.ok(shared.cancelled.value <= 1, "the job behind the cancelled one was told to stop");
});

export const models: Model[] = [
  {
    name: "jobs sent together are each run once, and no result is slept through",
    program: { setup, workers: [sendingAll, serving], check: allOnce },
  },
  {
    name: "jobs sent one by one are each run once, and no wake-up is lost either way",
    program: { setup, workers: [sendingOneByOne, serving], check: allOnce },
  },
  {
    name: "a job that is taken back is run by nobody, and travels again",
    program: { setup, workers: [takingBack, serving], check: allOnce },
  },
  {
    name: "a job that is called off is the only one to hear of it",
    program: { setup, workers: [cancelling, serving], check: firstOnly },
  },
  {
    name: "a worker that dies before any step leaves each job done, running or unbegun",
    program: { setup, workers: [outliving, serving], check: allSettled },
    options: { deaths: 1, mortal: [1], races: false },
  },
  {
    name: "what a job holds is let go of once when its worker dies before any step, and never what it has taken",
    program: { setup, workers: [giving, using], check: task(import.meta, "nothing", () => {}) },
    options: { deaths: 1, mortal: [1], races: false },
  },
];
