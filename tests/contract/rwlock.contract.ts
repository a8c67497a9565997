/** What a RWLock adds: many readers or one writer, and neither starves. */
import assert from "node:assert/strict";
import { RWLock } from "allcores";
import { READERS, WRITERS } from "../fixtures/waiters.js";
import { type ExclusiveObjects, exclusive } from "./exclusive.contract.js";
import type { Across, Check } from "./fixture.js";
import { timeLimit } from "../time-limit.js";

export type RWLockObjects = ExclusiveObjects & { readonly lock: RWLock };

export function rwlockObjects(across: Across): RWLockObjects {
  const lock = new RWLock({ across });
  return { lock, it: lock as never };
}

export const rwlockContract: Check<RWLockObjects> = (fixture, check) => {
  exclusive({ take: "write", tryTake: "tryWrite", busy: ["isWriting", true], key: WRITERS, runs: false })(
    fixture as never,
    check,
  );
  const read = fixture.verb("read");
  const write = fixture.verb("write");
  const { here } = fixture;
  // Who stands in line, but has not asked to be woken yet, holds nobody back.
  const waiting = (key: number, count: number) =>
    here.call(
      ({ lock }, { until, waiters, expectsWake }, key, count) =>
        until(() => waiters(lock, key) === count && (count === 0 || expectsWake(lock, key))),
      key,
      count,
    );
  const reads = (who: typeof fixture.subject, name = "r") =>
    who.call(({ lock }, { held }, name) => (held[name] = lock.tryRead()!) !== undefined, name);
  const writes = (who: typeof fixture.subject, name = "w") =>
    who.call(({ lock }, { held }, name) => (held[name] = lock.tryWrite()!) !== undefined, name);
  const ends = (who: typeof fixture.subject, name: string) =>
    who.call((_, { held }, name) => held[name]![Symbol.dispose](), name);

  check("many read at once, and keep a writer out", async () => {
    const twice = await fixture.subject.call(async ({ lock }, { held }, read) => {
      held.r = await lock[read]();
      held.again = await lock[read]();
      return lock.readers;
    }, read);
    assert.equal(twice, 2);
    assert.equal(await reads(fixture.third), true);
    assert.equal(fixture.objects.lock.readers, 3);
    assert.equal(await writes(fixture.other), false);
    for (const [who, name] of [
      [fixture.subject, "r"],
      [fixture.third, "r"],
    ] as const)
      await ends(who, name);
    assert.equal(await writes(fixture.other), false);
    await ends(fixture.subject, "again");
    assert.equal(await writes(fixture.other), true);
    assert.equal(await reads(fixture.third), false);
    await ends(fixture.other, "w");
    assert.equal(fixture.objects.lock.readers, 0);
  });

  check("one attempt and timeouts of a reader leave no trace", async () => {
    await writes(fixture.third);
    for (const timeout of [0, 30]) {
      const reading = fixture.subject.call(
        async ({ lock }, _, read, timeout) => void (await lock[read]({ timeout })),
        read,
        timeout,
      );
      await assert.rejects(reading, { code: "ERR_ALLCORES_TIMEOUT" });
    }
    assert.equal(fixture.objects.lock.readers, 0);
    await waiting(READERS, 0);
    await ends(fixture.third, "w");
    assert.equal(await writes(fixture.other), true);
    await ends(fixture.other, "w");
  });

  check("disposing a reader's hold twice ends one", async () => {
    await reads(fixture.subject, "one");
    await reads(fixture.subject, "two");
    await ends(fixture.subject, "one");
    await ends(fixture.subject, "one");
    assert.equal(fixture.objects.lock.readers, 1);
    await ends(fixture.subject, "two");
  });

  check("a writer that waits holds newcomers among the readers back, and comes next", async () => {
    await reads(fixture.third);
    const wrote = fixture.subject.call(async ({ lock }, { held }, write) => void (held.w = await lock[write]()), write);
    await waiting(WRITERS, 1);
    assert.equal(await reads(fixture.third, "late"), false);
    await ends(fixture.third, "r");
    await wrote;
    assert.equal(fixture.objects.lock.isWriting, true);
    await ends(fixture.subject, "w");
    assert.equal(await reads(fixture.third, "late"), true);
    await ends(fixture.third, "late");
  });

  check("readers that waited for a writer come before the next writer", async () => {
    await writes(fixture.third);
    const order = await fixture.third.call(async ({ lock }, { kept }) => {
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
    await ends(fixture.third, "w");
    assert.deepEqual(
      await fixture.third.call(async (_, { kept }) => {
        await kept.done;
        return kept.order;
      }),
      ["reader", "writer"],
    );
  });

  check("a stream of readers does not starve a writer, nor a stream of writers a reader", async () => {
    const [stream, one] = fixture.blocking ? (["readSync", "writeSync"] as const) : (["read", "write"] as const);
    for (const [streaming, single] of [
      [stream, one],
      [one, stream],
    ] as const) {
      const streams = [fixture.third, here].map((who) =>
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
      if (fixture.canMeet) {
        await fixture.subject.call(async ({ lock }, _, single) => {
          for (let round = 0; round < 20; round++) (await lock[single]({ timeout: timeLimit(5000) }))[Symbol.dispose]();
        }, single);
      }
      for (const who of [fixture.third, here]) await who.call((_, { kept }) => void (kept.stop = true));
      for (const rounds of await Promise.all(streams)) assert.ok(rounds > 0);
    }
  });

  check("a writer that gives up lets the readers in that it held back", async () => {
    await reads(fixture.third);
    const wrote = fixture.third.call(({ lock }, { kept }) => {
      const controller = new AbortController();
      kept.controller = controller;
      kept.writing = lock.write({ signal: controller.signal }).catch((error: Error) => error.message);
    });
    await wrote;
    await waiting(WRITERS, 1);
    const read_ = fixture.subject.call(
      async ({ lock }, { held }, read) => void (held.r = await lock[read]({ timeout: timeLimit(5000) })),
      read,
    );
    await waiting(READERS, 1);
    await fixture.third.call((_, { kept }) => (kept.controller as AbortController).abort(new Error("enough")));
    await read_;
    assert.equal(await fixture.third.call((_, { kept }) => kept.writing), "enough");
    assert.equal(fixture.objects.lock.readers, 2);
    await ends(fixture.subject, "r");
    await ends(fixture.third, "r");
  });

  check("what runs holds it that way, and has left it afterwards, whether it throws or not", async () => {
    const told = await fixture.subject.call(
      async ({ lock }, _, runRead, runWrite) => {
        const told: unknown[] = [];
        for (const run of [runRead, runWrite]) {
          told.push(
            await lock[run]((held) => [
              held.ownerDied,
              lock.readers,
              lock.isWriting,
              lock.reading.isLocked,
              lock.writing.isLocked,
            ]),
          );
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
      fixture.verb("runRead"),
      fixture.verb("runWrite"),
    );
    assert.deepEqual(told, [
      [false, 1, false, true, false],
      fixture.verb("runRead"),
      [0, false],
      [false, 0, true, false, true],
      fixture.verb("runWrite"),
      [0, false],
    ]);
  });

  check("what cannot run in time does not run, and the options are those of the verb", async () => {
    await writes(fixture.third);
    const codes = await fixture.subject.call(
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
      fixture.verb("runRead"),
      fixture.verb("runWrite"),
    );
    const [timeout, range, type] = [
      "ERR_ALLCORES_TIMEOUT",
      "ERR_ALLCORES_ARGUMENT_RANGE",
      "ERR_ALLCORES_ARGUMENT_TYPE",
    ];
    assert.deepEqual(codes, [timeout, timeout, range, type, timeout, timeout, range, type]);
    await waiting(READERS, 0);
    await waiting(WRITERS, 0);
    await ends(fixture.third, "w");
    assert.equal(fixture.objects.lock.isWriting, false);
  });

  check(
    "its sides have the verbs of a lock: reading shares, writing does not, and both are holds of the one lock",
    async () => {
      const acquire = fixture.verb("acquire");
      const run = fixture.verb("run");
      const told = await fixture.subject.call(
        async ({ lock }, _, acquire, run) => {
          const { reading, writing } = lock;
          const told: unknown[] = [lock.reading === reading, lock.writing === writing];
          const one = await lock.reading[acquire]();
          const two = lock.reading.tryAcquire();
          told.push(
            lock.readers,
            lock.reading.isLocked,
            lock.writing.isLocked,
            lock.writing.tryAcquire() === undefined,
          );
          one[Symbol.dispose]();
          two![Symbol.dispose]();
          told.push(
            await lock.writing[run]((held) => [
              held.ownerDied,
              lock.isWriting,
              lock.reading.tryAcquire() === undefined,
            ]),
          );
          told.push(await lock.reading[run](() => lock.readers));
          await lock.writing[acquire]({ timeout: 0 });
          return told;
        },
        acquire,
        run,
      );
      assert.deepEqual(told, [true, true, 2, true, false, true, [false, true, true], 1]);
      assert.equal(await reads(fixture.other), false);
      const codes = await fixture.subject.call(({ lock }) => {
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
      const reader = await fixture.subject.call(async ({ lock }, _, acquire) => {
        await lock.reading[acquire]();
        lock.reading.release();
        return lock.readers;
      }, acquire);
      assert.equal(reader, 0);
    },
  );

  check("a select waits for either side, and has it once it is chosen", async () => {
    for (const [side, key] of [
      ["reading", READERS],
      ["writing", WRITERS],
    ] as const) {
      assert.equal(await writes(fixture.third), true);
      const chosen = fixture.subject.call(
        async ({ lock }, { allcores, held }, select, side) => {
          const { key, value } = await allcores[select]({ side: lock[side], never: new allcores.Event() });
          held.s = value!;
          return [key, value!.ownerDied, lock.readers, lock.isWriting];
        },
        fixture.verb("select"),
        side,
      );
      await waiting(key, 1);
      await ends(fixture.third, "w");
      assert.deepEqual(await chosen, ["side", false, side === "reading" ? 1 : 0, side === "writing"]);
      assert.equal(await writes(fixture.third), false);
      await ends(fixture.subject, "s");
      await waiting(key, 0);
    }
  });

  check("a select for writing that runs out lets the readers in that it held back", async () => {
    await reads(fixture.third);
    const ran = fixture.subject.call(async ({ lock }, { allcores }, select) => {
      try {
        await allcores[select]({ side: lock.writing }, { timeout: 300 });
      } catch (error) {
        return (error as { code?: string }).code;
      }
      return "had it";
    }, fixture.verb("select"));
    await waiting(WRITERS, 1);
    const late = fixture.third.call(async ({ lock }, { held }) => void (held.late = await lock.read()));
    await waiting(READERS, 1);
    assert.equal(await ran, "ERR_ALLCORES_TIMEOUT");
    await late;
    assert.equal(fixture.objects.lock.readers, 2);
    await ends(fixture.third, "r");
    await ends(fixture.third, "late");
  });

  if (!fixture.blocking) {
    check("aborting a reader's wait leaves no trace", async () => {
      await writes(fixture.third);
      const told = await fixture.subject.call(async ({ lock }, { until, waiters }, key) => {
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
      await ends(fixture.third, "w");
      assert.equal(await writes(fixture.subject), true);
      await ends(fixture.subject, "w");
    });
  }

  if (fixture.apart) {
    check("death: a dead reader keeps no writer out", async () => {
      const victim = fixture.victim();
      await victim.call(({ lock }) => void [lock.readSync(), lock.readSync()]);
      const wrote = fixture.subject.call(
        async ({ lock }, { held }, write) => (held.w = await lock[write]({ timeout: timeLimit(5000) })).ownerDied,
        write,
      );
      await waiting(WRITERS, 1);
      await victim.kill();
      assert.equal(await wrote, false);
      assert.equal(fixture.objects.lock.readers, 0);
      await ends(fixture.subject, "w");
    });

    check(
      "death: readers after a dead writer are told, and so is the next writer, until one says that it is consistent",
      async () => {
        const victim = fixture.victim();
        assert.equal(await writes(victim as never), true);
        const read_ = fixture.subject.call(
          async ({ lock }, { held }, read) => (held.r = await lock[read]({ timeout: timeLimit(5000) })).ownerDied,
          read,
        );
        await waiting(READERS, 1);
        await victim.kill();
        assert.equal(await read_, true);
        await ends(fixture.subject, "r");
        const told = await fixture.other.call(async ({ lock }) => {
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
      },
    );

    check(
      "death: what runs after a dead writer is told, by either side, and may say that it is consistent",
      async () => {
        const victim = fixture.victim();
        await victim.call(({ lock }) => void lock.writing.acquireSync());
        await victim.kill();
        const told = await fixture.subject.call(
          async ({ lock }, _, runRead, run) => [
            await lock[runRead]((held) => held.ownerDied),
            await lock.writing[run]((held) => {
              lock.writing.consistent();
              return held.ownerDied;
            }),
            await lock.reading[run]((held) => held.ownerDied),
          ],
          fixture.verb("runRead"),
          fixture.verb("run"),
        );
        assert.deepEqual(told, [true, true, false]);
      },
    );

    check("death: a reader may not say that it is consistent", async () => {
      const victim = fixture.victim();
      await victim.call(({ lock }) => void lock.writeSync());
      await victim.kill();
      const told = await fixture.subject.call(async ({ lock }, _, read) => {
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
      const victim = fixture.victim();
      await reads(fixture.third);
      victim.call(({ lock }) => void lock.writeSync()).catch(() => {});
      await waiting(WRITERS, 1);
      const read_ = fixture.subject.call(
        async ({ lock }, { held }, read) => void (held.r = await lock[read]({ timeout: timeLimit(5000) })),
        read,
      );
      await waiting(READERS, 1);
      await victim.kill();
      await read_;
      await ends(fixture.subject, "r");
      await ends(fixture.third, "r");
    });
  }
};
