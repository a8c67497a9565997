import assert from "node:assert/strict";
import { Event, task, TimeoutError, Value } from "../../src/index.js";
import type { Model } from "./model.js";

interface Shared {
  event: Event;
  /** Written before the event is set, read by who was let through: ordered by the event alone. */
  news: Value<number>;
  /** How many were let through. */
  through: Value<number>;
  /** Set once somebody waits. */
  ready: Event;
}

const setup = task(
  import.meta,
  "setup",
  (): Shared => ({ event: new Event(), news: new Value("int32"), through: new Value("int32"), ready: new Event() }),
);

function arrived({ news, through }: Shared): void {
  assert.equal(news.value, 1, "let through before the event was set");
  through.add(1);
}

const setting = task(import.meta, "setting", ({ event, news }: Shared) => {
  news.value = 1;
  event.set();
});
const blocking = task(import.meta, "blocking", (shared: Shared) => {
  shared.event.waitSync();
  arrived(shared);
});
const awaiting = task(import.meta, "awaiting", async (shared: Shared) => {
  await shared.event.wait();
  arrived(shared);
});
/** Two tasks of one loop: both in one node. */
const awaitingTwice = task(import.meta, "awaitingTwice", async (shared: Shared) => {
  await Promise.all([shared.event.wait(), shared.event.wait()]);
  arrived(shared);
});
const impatient = task(import.meta, "impatient", (shared: Shared) => {
  try {
    shared.event.waitSync({ timeout: 10 });
  } catch (error) {
    if (error instanceof TimeoutError) return;
    throw error;
  }
  arrived(shared);
});
/** Two tasks of one loop, in one node: one whose time runs out, and one that waits on. */
const awaitingBoth = task(import.meta, "awaitingBoth", async (shared: Shared) => {
  const patient = shared.event.wait();
  try {
    await shared.event.wait({ timeout: 10 });
    arrived(shared);
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
  await patient;
  arrived(shared);
});
const abortedBoth = task(import.meta, "abortedBoth", async (shared: Shared) => {
  const patient = shared.event.wait();
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 10);
  try {
    await shared.event.wait({ signal: controller.signal });
    arrived(shared);
  } catch (error) {
    if (error !== controller.signal.reason) throw error;
  }
  await patient;
  arrived(shared);
});
/** Waits until the event is set and lowered again: who waited is let through all the same. */
const pulsing = task(import.meta, "pulsing", ({ event, news }: Shared) => {
  news.value = 1;
  event.set();
  event.clear();
});
/** May come too late for a pulse. */
const awaitingPatient = task(import.meta, "awaitingPatient", async (shared: Shared) => {
  try {
    await shared.event.wait({ timeout: 1000 });
  } catch (error) {
    if (error instanceof TimeoutError) return;
    throw error;
  }
  arrived(shared);
});
const patientBoth = task(import.meta, "patientBoth", async (shared: Shared) => {
  await Promise.all([awaitingPatient(shared), awaitingPatient(shared)]);
});
/** Says that it waits; the one who hears of it sets and lowers. Its wait has begun by then. */
const announced = task(import.meta, "announced", async (shared: Shared) => {
  const waiting = shared.event.wait();
  shared.ready.set();
  await waiting;
  arrived(shared);
});
const pulsingWhenReady = task(import.meta, "pulsingWhenReady", ({ event, news, ready }: Shared) => {
  ready.waitSync();
  news.value = 1;
  event.set();
  event.clear();
});
/** Ping-pong: each lowers what the other raised. */
interface Pair {
  ping: Event;
  pong: Event;
  count: Value<number>;
}
const setupPair = task(
  import.meta,
  "setupPair",
  (): Pair => ({ ping: new Event(), pong: new Event(), count: new Value("int32") }),
);
const pinging = task(import.meta, "pinging", ({ ping, pong, count }: Pair) => {
  for (let round = 0; round < 2; round++) {
    count.value += 1;
    ping.set();
    pong.waitSync();
    pong.clear();
  }
});
const ponging = task(import.meta, "ponging", async ({ ping, pong, count }: Pair) => {
  for (let round = 0; round < 2; round++) {
    await ping.wait();
    ping.clear();
    count.value += 1;
    pong.set();
  }
});
const four = task(import.meta, "four", ({ count }: Pair) => {
  assert.equal(count.value, 4);
});
const one = task(import.meta, "one", ({ through }: Shared) => {
  assert.equal(through.value, 1);
});
const two = task(import.meta, "two", ({ through }: Shared) => {
  assert.equal(through.value, 2);
});
/** Two setters. */
const either = task(import.meta, "either", ({ event }: Shared) => event.set());
const letThrough = task(import.meta, "letThrough", async ({ event, through }: Shared) => {
  await event.wait();
  through.add(1);
});

export const models: Model[] = [
  {
    name: "set lets a blocking caller through, who sees what was done before",
    preemptions: 3,
    program: { setup, workers: [setting, blocking], check: one },
  },
  {
    name: "set lets an awaiting caller through, who sees what was done before",
    preemptions: 3,
    program: { setup, workers: [setting, awaiting], check: one },
  },
  {
    name: "set lets everybody through, of both kinds",
    program: { setup, workers: [blocking, setting, awaiting], check: two },
  },
  { name: "set lets all tasks of a loop through", program: { setup, workers: [setting, awaitingTwice], check: one } },
  { name: "two that set at once lose nobody", program: { setup, workers: [either, letThrough, either], check: one } },
  { name: "time runs out for one and not for the other", program: { setup, workers: [impatient, setting, blocking] } },
  {
    name: "time runs out for an awaiting caller and not for the other",
    program: { setup, workers: [awaitingBoth, setting] },
  },
  { name: "a signal aborts one and not the other", program: { setup, workers: [abortedBoth, setting] } },
  {
    name: "set and clear let through who waited, or who comes too late waits on",
    program: { setup, workers: [patientBoth, pulsing] },
  },
  {
    name: "set and clear let through a caller whose wait had begun",
    program: { setup, workers: [announced, pulsingWhenReady], check: one },
  },
  {
    name: "two events pass a turn to and fro",
    program: { setup: setupPair, workers: [pinging, ponging], check: four },
  },
  {
    name: "a waiter dies, and the one who sets goes on",
    program: { setup, workers: [awaiting, setting] },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a setter dies, the other's word counts",
    program: { setup, workers: [either, letThrough, either], check: one },
    options: { deaths: 1, mortal: [0] },
  },
];
