/** What is no function is refused before the call takes anything, whether the lock is free or held. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Condition, Lock, RLock, RWLock, Semaphore } from "allcores";

type Verbs = Record<string, (fn: unknown, options: object) => unknown>;

const cases: {
  title: string;
  make: () => { verbs: object; isTaken: () => boolean; take: () => Disposable };
  verbs: string[];
}[] = [
  ...[Lock, RLock].map((Class) => ({
    title: Class.name,
    make: () => {
      const lock = new Class();
      return { verbs: lock, isTaken: () => lock.isLocked, take: () => lock.acquireSync() };
    },
    verbs: ["run", "runSync"],
  })),
  {
    title: "Semaphore",
    make: () => {
      const semaphore = new Semaphore(1);
      return { verbs: semaphore, isTaken: () => semaphore.value === 0, take: () => semaphore.acquireSync() };
    },
    verbs: ["run", "runSync"],
  },
  {
    title: "RWLock",
    make: () => {
      const lock = new RWLock();
      return {
        verbs: lock,
        isTaken: () => lock.reading.isLocked || lock.writing.isLocked,
        take: () => lock.writeSync(),
      };
    },
    verbs: ["runRead", "runReadSync", "runWrite", "runWriteSync"],
  },
  ...(["reading", "writing"] as const).map((side) => ({
    title: `RWLock.${side}`,
    make: () => {
      const lock = new RWLock();
      return {
        verbs: lock[side],
        isTaken: () => lock.reading.isLocked || lock.writing.isLocked,
        take: () => lock.writeSync(),
      };
    },
    verbs: ["run", "runSync"],
  })),
  {
    title: "Condition",
    make: () => {
      const condition = new Condition();
      return { verbs: condition, isTaken: () => condition.lock.isLocked, take: () => condition.acquireSync() };
    },
    verbs: ["run", "runSync", "waitFor", "waitForSync"],
  },
];

describe("what is no function is refused before anything is taken", () => {
  for (const { title, make, verbs } of cases)
    for (const verb of verbs)
      test(`${title}.${verb}`, async () => {
        const subject = make();
        const call = async (wrong: unknown) => (subject.verbs as Verbs)[verb]!(wrong, { timeout: 0 });
        for (const wrong of [5, undefined, null, {}, Promise.resolve()]) {
          await assert.rejects(call(wrong), { code: "ERR_ALLCORES_ARGUMENT_TYPE", message: /must be a function/ });
          assert.equal(subject.isTaken(), false);
          const held = subject.take();
          await assert.rejects(call(wrong), { code: "ERR_ALLCORES_ARGUMENT_TYPE", message: /must be a function/ });
          assert.equal(subject.isTaken(), true, "the lock of another is left as it is");
          held[Symbol.dispose]();
        }
      });
});
