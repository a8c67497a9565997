import assert from "node:assert/strict";
import { Barrier, BrokenBarrierError, sleep, task, TimeoutError, Value } from "../../src/index.js";
import type { Model } from "./model.js";

interface Shared {
  barrier: Barrier;
  /** How many have come to the barrier, in all rounds. */
  come: Value<number>;
  /** One cell a party, written before the round and read after it: ordered by the barrier alone. */
  left: Value<number>;
  right: Value<number>;
  /** How often the action ran. */
  acted: Value<number>;
  /** How many rounds were passed, and how many ended broken, by all parties together. */
  passed: Value<number>;
  broken: Value<number>;
}

function shared(parties: number): Shared {
  const counter = () => new Value("int32");
  return {
    barrier: new Barrier(parties),
    come: counter(),
    left: counter(),
    right: counter(),
    acted: counter(),
    passed: counter(),
    broken: counter(),
  };
}
const setup = task(import.meta, "setup", () => shared(2));
const setupThree = task(import.meta, "setupThree", () => shared(3));

/** Each writes its own cell and reads the other's. */
const left = task(import.meta, "left", ({ barrier, left, right }: Shared) => {
  left.value = 1;
  barrier.waitSync();
  assert.equal(right.value, 1, "passed before the other party was there");
});
const right = task(import.meta, "right", ({ barrier, left, right }: Shared) => {
  right.value = 1;
  barrier.waitSync();
  assert.equal(left.value, 1, "passed before the other party was there");
});
const awaitingRight = task(import.meta, "awaitingRight", async ({ barrier, left, right }: Shared) => {
  right.value = 1;
  await barrier.wait();
  assert.equal(left.value, 1, "passed before the other party was there");
});
const awaitingLeft = task(import.meta, "awaitingLeft", async ({ barrier, left, right }: Shared) => {
  left.value = 1;
  await barrier.wait();
  assert.equal(right.value, 1, "passed before the other party was there");
});
/** Two rounds: nobody is a round ahead of the others. */
const rounds = task(import.meta, "rounds", ({ barrier, come }: Shared) => {
  for (let round = 1; round <= 2; round++) {
    come.add(1);
    barrier.waitSync();
    assert.ok(come.value >= round * barrier.parties, "passed before all parties were there");
  }
});
const awaitingRounds = task(import.meta, "awaitingRounds", async ({ barrier, come }: Shared) => {
  for (let round = 1; round <= 2; round++) {
    come.add(1);
    await barrier.wait();
    assert.ok(come.value >= round * barrier.parties, "passed before all parties were there");
  }
});
/** One party, and two of one loop. */
const one = task(import.meta, "one", ({ barrier, come, passed }: Shared) => {
  come.add(1);
  passed.add(1 << (4 * barrier.waitSync()));
  assert.equal(come.value, 3, "passed before all parties were there");
});
const two = task(import.meta, "two", async ({ barrier, come, passed }: Shared) => {
  const arrive = async () => {
    come.add(1);
    passed.add(1 << (4 * (await barrier.wait())));
    assert.equal(come.value, 3, "passed before all parties were there");
  };
  await Promise.all([arrive(), arrive()]);
});
/** Two tasks of one loop; with two such workers, two rounds, whoever meets whom. */
const couple = task(import.meta, "couple", async ({ barrier, passed }: Shared) => {
  const arrive = async () => {
    passed.add(1 << (4 * (await barrier.wait())));
  };
  await Promise.all([arrive(), arrive()]);
});
const acting = task(import.meta, "acting", ({ barrier, acted, come }: Shared) => {
  const action = () => {
    acted.value += 1;
    assert.equal(come.value, 2, "the action runs once all are there");
  };
  come.add(1);
  barrier.waitSync({ action });
  assert.equal(acted.value, 1, "passed before the action had run");
});
const awaitingActing = task(import.meta, "awaitingActing", async ({ barrier, acted, come }: Shared) => {
  const action = () => {
    acted.value += 1;
    assert.equal(come.value, 2, "the action runs once all are there");
  };
  come.add(1);
  await barrier.wait({ action });
  assert.equal(acted.value, 1, "passed before the action had run");
});
/** Waits, and counts how it ended. */
function passWithAll({ barrier, come, passed }: Shared): void {
  assert.ok(come.value >= barrier.parties, "passed before all parties were there");
  passed.add(1);
}
const party = task(import.meta, "party", (shared: Shared) => {
  const { barrier, come, broken } = shared;
  come.add(1);
  try {
    barrier.waitSync();
    passWithAll(shared);
  } catch (error) {
    if (!(error instanceof BrokenBarrierError)) throw error;
    broken.add(1);
  }
});
const awaitingParty = task(import.meta, "awaitingParty", async (shared: Shared) => {
  const { barrier, come, broken } = shared;
  come.add(1);
  try {
    await barrier.wait();
    passWithAll(shared);
  } catch (error) {
    if (!(error instanceof BrokenBarrierError)) throw error;
    broken.add(1);
  }
});
const parties = task(import.meta, "parties", async (shared: Shared) => {
  await Promise.all([awaitingParty(shared), awaitingParty(shared)]);
});
const failing = task(import.meta, "failing", ({ barrier, passed, broken }: Shared) => {
  const mishap = new Error("mishap");
  try {
    barrier.waitSync({
      action: () => {
        throw mishap;
      },
    });
    passed.add(1);
  } catch (error) {
    if (error !== mishap && !(error instanceof BrokenBarrierError)) throw error;
    broken.add(1);
  }
});
const impatient = task(import.meta, "impatient", (shared: Shared) => {
  const { barrier, come, broken } = shared;
  come.add(1);
  try {
    barrier.waitSync({ timeout: 10 });
    passWithAll(shared);
  } catch (error) {
    if (!(error instanceof TimeoutError) && !(error instanceof BrokenBarrierError)) throw error;
    broken.add(1);
  }
});
const awaitingImpatient = task(import.meta, "awaitingImpatient", async (shared: Shared) => {
  const { barrier, come, broken } = shared;
  come.add(1);
  try {
    await barrier.wait({ timeout: 10 });
    passWithAll(shared);
  } catch (error) {
    if (!(error instanceof TimeoutError) && !(error instanceof BrokenBarrierError)) throw error;
    broken.add(1);
  }
});
/** One that is aborted may have passed: then only it heard of the abort. */
const aborted = task(import.meta, "aborted", async ({ barrier, come, passed, broken }: Shared) => {
  come.add(1);
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 10);
  try {
    await barrier.wait({ signal: controller.signal });
    passed.add(1);
  } catch (error) {
    if (error !== controller.signal.reason && !(error instanceof BrokenBarrierError)) throw error;
    if (barrier.isBroken) broken.add(1);
    else passed.add(1);
  }
});
const breaking = task(import.meta, "breaking", ({ barrier }: Shared) => barrier.abort());
/** Breaks off what waits, and is a party of the next round. */
const resettingFirst = task(import.meta, "resettingFirst", ({ barrier, passed }: Shared) => {
  barrier.reset();
  barrier.waitSync();
  passed.add(1);
});
/** Comes again when it was broken off. */
const persistent = task(import.meta, "persistent", ({ barrier, passed }: Shared) => {
  for (let done = false; !done; ) {
    try {
      barrier.waitSync();
      passed.add(1);
      done = true;
    } catch (error) {
      if (!(error instanceof BrokenBarrierError)) throw error;
    }
  }
});
/** Waits for one that may die: without a limit only what has begun to wait is known to be missing. */
const survivor = task(import.meta, "survivor", ({ barrier, come, passed, broken }: Shared) => {
  come.add(1);
  try {
    barrier.waitSync({ timeout: 1000 });
    passed.add(1);
  } catch (error) {
    if (!(error instanceof TimeoutError) && !(error instanceof BrokenBarrierError)) throw error;
    broken.add(1);
  }
});

/** One of three parties, of whom the last never comes: breaks it in the end, if it lives. */
const breakingLate = task(import.meta, "breakingLate", async (shared: Shared) => {
  await Promise.all([awaitingParty(shared), sleep(5000).then(() => shared.barrier.abort())]);
});
/** Waits without a limit once the other has come: if that one dies, this one must not wait for ever. */
const trusting = task(import.meta, "trusting", async (shared: Shared) => {
  for (let looks = 0; shared.barrier.waiting === 0; looks++) {
    if (looks === 3) return;
    await sleep(300);
  }
  await awaitingParty(shared);
});
const awaitingSurvivor = task(import.meta, "awaitingSurvivor", async ({ barrier, come, passed, broken }: Shared) => {
  come.add(1);
  try {
    await barrier.wait({ timeout: 1000 });
    passed.add(1);
  } catch (error) {
    if (!(error instanceof TimeoutError) && !(error instanceof BrokenBarrierError)) throw error;
    broken.add(1);
  }
});

const clean = task(import.meta, "clean", ({ barrier }: Shared) => {
  assert.equal(barrier.isBroken, false);
  assert.equal(barrier.waiting, 0);
});
const oneOfEach = task(import.meta, "oneOfEach", (shared: Shared) => {
  assert.equal(shared.passed.value, 0x111, "each place was given once");
  clean(shared);
});
const twoRounds = task(import.meta, "twoRounds", (shared: Shared) => {
  assert.equal(shared.passed.value, 0x22, "each place was given twice");
  clean(shared);
});
/** All passed and it is whole, or none did and it is broken. */
const allAlike = task(import.meta, "allAlike", ({ barrier, passed, broken }: Shared) => {
  assert.equal(barrier.waiting, 0);
  assert.equal(barrier.isBroken, broken.value > 0);
  assert.equal(passed.value === 0 || broken.value === 0, true, `${passed.value} passed and ${broken.value} did not`);
});
const nobodyPassed = task(import.meta, "nobodyPassed", ({ passed }: Shared) => {
  assert.equal(passed.value, 0);
});
const noneWaits = task(import.meta, "noneWaits", ({ barrier }: Shared) => {
  assert.equal(barrier.waiting, 0);
});
/** abort() may come once all have passed. */
const allOrNone = task(import.meta, "allOrNone", ({ barrier, passed, broken }: Shared) => {
  assert.equal(barrier.isBroken, true);
  assert.ok(passed.value === 2 || broken.value === 2, `${passed.value} passed and ${broken.value} did not`);
});
const whole = task(import.meta, "whole", ({ barrier, passed }: Shared) => {
  assert.equal(barrier.isBroken, false);
  assert.equal(passed.value, 2);
});

export const models: Model[] = [
  { name: "blocking parties pass once both are there", program: { setup, workers: [left, right], check: clean } },
  {
    name: "parties of both kinds pass once both are there",
    program: { setup, workers: [left, awaitingRight], check: clean },
  },
  {
    name: "awaiting parties pass once both are there",
    program: { setup, workers: [awaitingLeft, awaitingRight], check: clean },
  },
  {
    name: "rounds follow each other for blocking parties",
    program: { setup, workers: [rounds, rounds], check: clean },
  },
  {
    name: "rounds follow each other for parties of both kinds",
    program: { setup, workers: [rounds, awaitingRounds], check: clean },
  },
  {
    name: "three parties, two of them in one loop, get a place each",
    program: { setup: setupThree, workers: [one, two], check: oneOfEach },
  },
  {
    name: "who comes before a round is over belongs to the next one",
    program: { setup, workers: [couple, couple], check: twoRounds },
  },
  {
    name: "the action runs once, before anybody passes",
    program: { setup, workers: [acting, awaitingActing], check: clean },
  },
  {
    name: "an action that throws breaks it for both",
    program: { setup, workers: [failing, failing], check: allAlike },
  },
  {
    name: "a party whose time runs out breaks it for both, or for neither",
    program: { setup, workers: [impatient, party], check: allAlike },
  },
  {
    name: "an awaiting party whose time runs out breaks it for both, or for neither",
    program: { setup, workers: [awaitingImpatient, awaitingParty], check: allAlike },
  },
  {
    name: "a party whose signal aborts breaks it for both, or for neither",
    program: { setup, workers: [aborted, party], check: allAlike },
  },
  {
    name: "abort() breaks it for both, or comes too late",
    program: { setup, workers: [parties, breaking], check: allOrNone },
  },
  {
    name: "who waits comes again after reset()",
    program: { setup, workers: [persistent, resettingFirst], check: whole },
  },
  {
    name: "a party that dies breaks it for a blocking one",
    program: { setup, workers: [party, survivor], check: noneWaits },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a party that dies breaks it for an awaiting one",
    program: { setup, workers: [party, awaitingSurvivor], check: noneWaits },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a party that dies after it has come lets nobody wait for ever",
    program: { setup: setupThree, workers: [breakingLate, trusting], check: nobodyPassed },
    options: { deaths: 1, mortal: [0] },
  },
];
