/** What a RWLock adds: many readers or one writer, and neither starves. */
import assert from "node:assert/strict";
import { RWLock } from "allcores";
import { READERS, WRITERS } from "../fixtures/waiters.js";
import { type ExclusiveObjects, exclusive } from "./exclusive.contract.js";
import type { Across, Check } from "./stage.js";
import { timeLimit } from "../time-limit.js";

export type RWLockObjects = ExclusiveObjects & { readonly lock: RWLock };

export function rwlockObjects(across: Across): RWLockObjects {
  const lock = new RWLock({ across });
  return { lock, it: lock as never };
}

export const rwlockContract: Check<RWLockObjects> = (stage, check) => {
  exclusive({ take: "write", tryTake: "tryWrite", busy: ["isWriting", true], key: WRITERS, runs: false })(stage as never, check);
  const read = stage.verb("read");
  const write = stage.verb("write");
  const { here } = stage;
  // Who stands in line, but has not asked to be woken yet, holds nobody back.
  const waiting = (key: number, count: number) =>
    here.call(
      ({ lock }, { until, waiters, expectsWake }, key, count) => until(() => waiters(lock, key) === count && (count === 0 || expectsWake(lock, key))),
      key,
      count,
    );
  const reads = (who: typeof stage.subject, name = "r") => who.call(({ lock }, { held }, name) => (held[name] = lock.tryRead()!) !== undefined, name);
  const writes = (who: typeof stage.subject, name = "w") => who.call(({ lock }, { held }, name) => (held[name] = lock.tryWrite()!) !== undefined, name);
  const ends = (who: typeof stage.subject, name: string) => who.call((_, { held }, name) => held[name]![Symbol.dispose](), name);

  check("many read at once, and keep a writer out", async () => {
    const twice = await stage.subject.call(async ({ lock }, { held }, read) => {
      held.r = await lock[read]();
      held.again = await lock[read]();
      return lock.readers;
    }, read);
    assert.equal(twice, 2);
    assert.equal(await reads(stage.third), true);
    assert.equal(stage.objects.lock.readers, 3);
    assert.equal(await writes(stage.other), false);
    for (const [who, name] of [
      [stage.subject, "r"],
      [stage.third, "r"],
    ] as const)
      await ends(who, name);
    assert.equal(await writes(stage.other), false);
    await ends(stage.subject, "again");
    assert.equal(await writes(stage.other), true);
    assert.equal(await reads(stage.third), false);
    await ends(stage.other, "w");
    assert.equal(stage.objects.lock.readers, 0);
  });

  check("one attempt and timeouts of a reader leave no trace", async () => {
    await writes(stage.third);
    for (const timeout of [0, 30]) {
      const reading = stage.subject.call(async ({ lock }, _, read, timeout) => void (await lock[read]({ timeout })), read, timeout);
      await assert.rejects(reading, { code: "ERR_ALLCORES_TIMEOUT" });
    }
    assert.equal(stage.objects.lock.readers, 0);
    await waiting(READERS, 0);
    await ends(stage.third, "w");
    assert.equal(await writes(stage.other), true);
    await ends(stage.other, "w");
  });

  check("disposing a reader's hold twice ends one", async () => {
    await reads(stage.subject, "one");
    await reads(stage.subject, "two");
    await ends(stage.subject, "one");
    await ends(stage.subject, "one");
    assert.equal(stage.objects.lock.readers, 1);
    await ends(stage.subject, "two");
  });

  check("a writer that waits holds newcomers among the readers back, and comes next", async () => {
    await reads(stage.third);
    const wrote = stage.subject.call(async ({ lock }, { held }, write) => void (held.w = await lock[write]()), write);
    await waiting(WRITERS, 1);
    assert.equal(await reads(stage.third, "late"), false);
    await ends(stage.third, "r");
    await wrote;
    assert.equal(stage.objects.lock.isWriting, true);
    await ends(stage.subject, "w");
    assert.equal(await reads(stage.third, "late"), true);
    await ends(stage.third, "late");
  });

  check("readers that waited for a writer come before the next writer", async () => {
    await writes(stage.third);
    const order = await stage.third.call(async ({ lock }, { kept }) => {
      kept.order = [];
      const order = kept.order as string[];
      const written = lock.write().then((held) => {
        order.push("writer");
        held[Symbol.dispose]();
      });
      const read = lock.read().then((held) => {
        order.push("reader");
        held[Symbol.dispose]();
      });
      kept.done = Promise.all([written, read]);
      return order.length;
    });
    assert.equal(order, 0);
    await ends(stage.third, "w");
    assert.deepEqual(
      await stage.third.call(async (_, { kept }) => {
        await kept.done;
        return kept.order;
      }),
      ["reader", "writer"],
    );
  });

  check("a stream of readers does not starve a writer, nor a stream of writers a reader", async () => {
    const [stream, one] = stage.blocking ? (["readSync", "writeSync"] as const) : (["read", "write"] as const);
    for (const [streaming, single] of [
      [stream, one],
      [one, stream],
    ] as const) {
      const streams = [stage.third, here].map((who) =>
        who.call(
          async ({ lock }, { kept }, streaming) => {
            kept.stop = false;
            let rounds = 0;
            for (; kept.stop !== true; rounds++) {
              const held = await lock[streaming]();
              await new Promise(setImmediate);
              held[Symbol.dispose]();
            }
            return rounds;
          },
          streaming.replace("Sync", "") as "read" | "write",
        ),
      );
      if (stage.canMeet) {
        await stage.subject.call(async ({ lock }, _, single) => {
          for (let round = 0; round < 20; round++) (await lock[single]({ timeout: timeLimit(5000) }))[Symbol.dispose]();
        }, single);
      }
      for (const who of [stage.third, here]) await who.call((_, { kept }) => void (kept.stop = true));
      for (const rounds of await Promise.all(streams)) assert.ok(rounds > 0);
    }
  });

  check("a writer that gives up lets the readers in that it held back", async () => {
    await reads(stage.third);
    const wrote = stage.third.call(({ lock }, { kept }) => {
      const controller = new AbortController();
      kept.controller = controller;
      kept.writing = lock.write({ signal: controller.signal }).catch((error: Error) => error.message);
    });
    await wrote;
    await waiting(WRITERS, 1);
    const read_ = stage.subject.call(async ({ lock }, { held }, read) => void (held.r = await lock[read]({ timeout: timeLimit(5000) })), read);
    await waiting(READERS, 1);
    await stage.third.call((_, { kept }) => (kept.controller as AbortController).abort(new Error("enough")));
    await read_;
    assert.equal(await stage.third.call((_, { kept }) => kept.writing), "enough");
    assert.equal(stage.objects.lock.readers, 2);
    await ends(stage.subject, "r");
    await ends(stage.third, "r");
  });

  check("what runs holds it that way, and has left it afterwards, whether it throws or not", async () => {
    const told = await stage.subject.call(
      async ({ lock }, _, runRead, runWrite) => {
        const told: unknown[] = [];
        for (const run of [runRead, runWrite]) {
          told.push(await lock[run]((held) => [held.ownerDied, lock.readers, lock.isWriting, lock.reading.isLocked, lock.writing.isLocked]));
          try {
            await lock[run]((): never => {
              throw new Error(run);
            });
          } catch (error) {
            told.push((error as Error).message);
          }
          told.push([lock.readers, lock.isWriting]);
        }
        return told;
      },
      stage.verb("runRead"),
      stage.verb("runWrite"),
    );
    assert.deepEqual(told, [
      [false, 1, false, true, false],
      stage.verb("runRead"),
      [0, false],
      [false, 0, true, false, true],
      stage.verb("runWrite"),
      [0, false],
    ]);
  });

  check("what cannot run in time does not run, and the options are those of the verb", async () => {
    await writes(stage.third);
    const codes = await stage.subject.call(
      async ({ lock }, _, runRead, runWrite) => {
        const codes: unknown[] = [];
        for (const run of [runRead, runWrite] as const)
          for (const options of [{ timeout: 0 }, { timeout: 5 }, { timeout: -1 }, { strange: 1 } as never])
            try {
              codes.push(await lock[run](() => "it ran", options));
            } catch (error) {
              codes.push((error as { code?: string }).code);
            }
        return codes;
      },
      stage.verb("runRead"),
      stage.verb("runWrite"),
    );
    const [timeout, range, type] = ["ERR_ALLCORES_TIMEOUT", "ERR_ALLCORES_ARGUMENT_RANGE", "ERR_ALLCORES_ARGUMENT_TYPE"];
    assert.deepEqual(codes, [timeout, timeout, range, type, timeout, timeout, range, type]);
    await waiting(READERS, 0);
    await waiting(WRITERS, 0);
    await ends(stage.third, "w");
    assert.equal(stage.objects.lock.isWriting, false);
  });

  check("its sides have the verbs of a lock: reading shares, writing does not, and both are holds of the one lock", async () => {
    const acquire = stage.verb("acquire");
    const run = stage.verb("run");
    const told = await stage.subject.call(
      async ({ lock }, _, acquire, run) => {
        const { reading, writing } = lock;
        const told: unknown[] = [lock.reading === reading, lock.writing === writing];
        const one = await lock.reading[acquire]();
        const two = lock.reading.tryAcquire();
        told.push(lock.readers, lock.reading.isLocked, lock.writing.isLocked, lock.writing.tryAcquire() === undefined);
        one[Symbol.dispose]();
        two![Symbol.dispose]();
        told.push(await lock.writing[run]((held) => [held.ownerDied, lock.isWriting, lock.reading.tryAcquire() === undefined]));
        told.push(await lock.reading[run](() => lock.readers));
        await lock.writing[acquire]({ timeout: 0 });
        return told;
      },
      acquire,
      run,
    );
    assert.deepEqual(told, [true, true, 2, true, false, true, [false, true, true], 1]);
    assert.equal(await reads(stage.other), false);
    const codes = await stage.subject.call(({ lock }) => {
      const codes: unknown[] = [];
      for (const side of [lock.reading, lock.writing, lock.writing])
        try {
          side.release();
          codes.push(lock.isWriting);
        } catch (error) {
          codes.push((error as { code?: string }).code);
        }
      return codes;
    });
    assert.deepEqual(codes, ["ERR_ALLCORES_NOT_HELD", false, "ERR_ALLCORES_NOT_HELD"]);
    const reader = await stage.subject.call(async ({ lock }, _, acquire) => {
      await lock.reading[acquire]();
      lock.reading.release();
      return lock.readers;
    }, acquire);
    assert.equal(reader, 0);
  });

  check("a select waits for either side, and has it once it is chosen", async () => {
    for (const [side, key] of [
      ["reading", READERS],
      ["writing", WRITERS],
    ] as const) {
      assert.equal(await writes(stage.third), true);
      const chosen = stage.subject.call(
        async ({ lock }, { allcores, held }, select, side) => {
          const { key, value } = await allcores[select]({ side: lock[side], never: new allcores.Event() });
          held.s = value!;
          return [key, value!.ownerDied, lock.readers, lock.isWriting];
        },
        stage.verb("select"),
        side,
      );
      await waiting(key, 1);
      await ends(stage.third, "w");
      assert.deepEqual(await chosen, ["side", false, side === "reading" ? 1 : 0, side === "writing"]);
      assert.equal(await writes(stage.third), false);
      await ends(stage.subject, "s");
      await waiting(key, 0);
    }
  });

  check("a select for writing that runs out lets the readers in that it held back", async () => {
    await reads(stage.third);
    const ran = stage.subject.call(async ({ lock }, { allcores }, select) => {
      try {
        await allcores[select]({ side: lock.writing }, { timeout: 300 });
      } catch (error) {
        return (error as { code?: string }).code;
      }
      return "had it";
    }, stage.verb("select"));
    await waiting(WRITERS, 1);
    const late = stage.third.call(async ({ lock }, { held }) => void (held.late = await lock.read()));
    await waiting(READERS, 1);
    assert.equal(await ran, "ERR_ALLCORES_TIMEOUT");
    await late;
    assert.equal(stage.objects.lock.readers, 2);
    await ends(stage.third, "r");
    await ends(stage.third, "late");
  });

  if (!stage.blocking) {
    check("aborting a reader's wait leaves no trace", async () => {
      await writes(stage.third);
      const told = await stage.subject.call(async ({ lock }, { until, waiters }, key) => {
        const controller = new AbortController();
        const reading = lock.read({ signal: controller.signal }).then(
          () => "in",
          (error) => error.message,
        );
        await until(() => waiters(lock, key) === 1);
        controller.abort(new Error("enough"));
        return [await reading, waiters(lock, key)];
      }, READERS);
      assert.deepEqual(told, ["enough", 0]);
      await ends(stage.third, "w");
      assert.equal(await writes(stage.subject), true);
      await ends(stage.subject, "w");
    });
  }

  if (stage.apart) {
    check("death: a dead reader keeps no writer out", async () => {
      const victim = stage.victim();
      await victim.call(({ lock }) => void [lock.readSync(), lock.readSync()]);
      const wrote = stage.subject.call(async ({ lock }, { held }, write) => (held.w = await lock[write]({ timeout: timeLimit(5000) })).ownerDied, write);
      await waiting(WRITERS, 1);
      await victim.kill();
      assert.equal(await wrote, false);
      assert.equal(stage.objects.lock.readers, 0);
      await ends(stage.subject, "w");
    });

    check("death: readers after a dead writer are told, and so is the next writer, until one says that it is consistent", async () => {
      const victim = stage.victim();
      assert.equal(await writes(victim as never), true);
      const read_ = stage.subject.call(async ({ lock }, { held }, read) => (held.r = await lock[read]({ timeout: timeLimit(5000) })).ownerDied, read);
      await waiting(READERS, 1);
      await victim.kill();
      assert.equal(await read_, true);
      await ends(stage.subject, "r");
      const told = await stage.other.call(async ({ lock }) => {
        const told = [];
        for (let round = 0; round < 3; round++) {
          const held = await lock.write({ timeout: timeLimit(5000) });
          told.push(held.ownerDied);
          if (round === 1) lock.consistent();
          held[Symbol.dispose]();
        }
        const read = await lock.read();
        told.push(read.ownerDied);
        read[Symbol.dispose]();
        return told;
      });
      assert.deepEqual(told, [true, true, false, false]);
    });

    check("death: what runs after a dead writer is told, by either side, and may say that it is consistent", async () => {
      const victim = stage.victim();
      await victim.call(({ lock }) => void lock.writing.acquireSync());
      await victim.kill();
      const told = await stage.subject.call(
        async ({ lock }, _, runRead, run) => [
          await lock[runRead]((held) => held.ownerDied),
          await lock.writing[run]((held) => {
            lock.writing.consistent();
            return held.ownerDied;
          }),
          await lock.reading[run]((held) => held.ownerDied),
        ],
        stage.verb("runRead"),
        stage.verb("run"),
      );
      assert.deepEqual(told, [true, true, false]);
    });

    check("death: a reader may not say that it is consistent", async () => {
      const victim = stage.victim();
      await victim.call(({ lock }) => void lock.writeSync());
      await victim.kill();
      const told = await stage.subject.call(async ({ lock }, _, read) => {
        const held = await lock[read]({ timeout: timeLimit(5000) });
        try {
          lock.consistent();
        } catch (error) {
          return [held.ownerDied, (error as { code: string }).code];
        } finally {
          held[Symbol.dispose]();
        }
      }, read);
      assert.deepEqual(told, [true, "ERR_ALLCORES_NOT_HELD"]);
    });

    check("death: a dead writer that waited no longer holds readers back", async () => {
      const victim = stage.victim();
      await reads(stage.third);
      victim.call(({ lock }) => void lock.writeSync()).catch(() => {});
      await waiting(WRITERS, 1);
      const read_ = stage.subject.call(async ({ lock }, { held }, read) => void (held.r = await lock[read]({ timeout: timeLimit(5000) })), read);
      await waiting(READERS, 1);
      await victim.kill();
      await read_;
      await ends(stage.subject, "r");
      await ends(stage.third, "r");
    });
  }
};
