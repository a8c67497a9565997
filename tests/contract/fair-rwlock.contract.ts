/**
 * What an RWLock made with `{ fair: true }` adds: readers and writers stand in one line, and who waits is not
 * overtaken.
 */
import assert from "node:assert/strict";
import { RWLock } from "allcores";
import { READERS, WRITERS } from "../fixtures/waiters.js";
import { timeLimit } from "../time-limit.js";
import type { Across, Check } from "./fixture.js";

export interface FairSides {
  readonly lock: RWLock;
}

export const fairRWLock = (across: Across): FairSides => ({ lock: new RWLock({ across, fair: true }) });

const SOON = { timeout: timeLimit(8_000) };
type Way = "read" | "write";

export const fairSidesContract: Check<FairSides> = (fixture, check) => {
  type Who = typeof fixture.subject;
  const { here } = fixture;
  const verbs = { read: fixture.verb("read"), write: fixture.verb("write") };
  /** So many stand in line, and each of them has looked in vain. */
  const waiting = (count: number) =>
    here.call(
      ({ lock }, { until, waiters, expectsWake }, keys, count) =>
        until(() => {
          const lines = keys.map((key) => ({ key, waits: waiters(lock, key) })).filter(({ waits }) => waits > 0);
          return (
            lines.reduce((sum, { waits }) => sum + waits, 0) === count &&
            lines.every(({ key }) => expectsWake(lock, key))
          );
        }),
      [READERS, WRITERS],
      count,
    );
  const hold = (who: Who, way: Way) =>
    who.call(
      ({ lock }, { held }, way) => (held.h = way === "read" ? lock.tryRead()! : lock.tryWrite()!) !== undefined,
      way,
    );
  const letGo = (who: Who) => who.call((_, { held }) => held.h![Symbol.dispose]());
  /** Comes in in its turn, tells who is in, and leaves. */
  const enters = async (who: Who, way: Way, options: object, order: string[], name: string) => {
    await who.call(
      async ({ lock }, { held }, verb, options) => void (held.h = await lock[verb](options)),
      verbs[way],
      options,
    );
    order.push(name);
    await letGo(who);
  };
  const entersHere = async (way: Way, options: object, order: string[], name: string) => {
    using _ = await fixture.objects.lock[way](options);
    order.push(name);
  };
  const isFree = () => {
    const held = fixture.objects.lock.tryWrite();
    assert.ok(held !== undefined, "nobody has it, and nobody waits");
    held[Symbol.dispose]();
  };

  check("readers and writers come in their order, blocking or awaiting", async () => {
    const order: string[] = [];
    await hold(fixture.third, "write");
    const ends = [enters(fixture.subject, "write", SOON, order, "first writes")];
    await waiting(1);
    ends.push(entersHere("read", {}, order, "second reads"));
    await waiting(2);
    ends.push(entersHere("write", {}, order, "third writes"));
    await waiting(3);
    ends.push(entersHere("read", {}, order, "fourth reads"));
    await waiting(4);
    await letGo(fixture.third);
    await Promise.all(ends);
    assert.deepEqual(order, ["first writes", "second reads", "third writes", "fourth reads"]);
    isFree();
  });

  check("readers next to each other are in together, and those behind a writer are not", async () => {
    await hold(fixture.third, "write");
    const { lock } = fixture.objects;
    const order: string[] = [];
    const one = fixture.subject.call(
      async ({ lock }, { held }, verb, options) => void (held.h = await lock[verb](options)),
      verbs.read,
      SOON,
    );
    await waiting(1);
    const two = lock.read();
    await waiting(2);
    const writer = entersHere("write", {}, order, "writer");
    await waiting(3);
    const behind = entersHere("read", {}, order, "behind");
    await waiting(4);
    await letGo(fixture.third);
    await one;
    const second = await two;
    assert.equal(lock.readers, 2);
    assert.equal(lock.tryRead(), undefined);
    assert.deepEqual(order, []);
    second[Symbol.dispose]();
    await letGo(fixture.subject);
    await Promise.all([writer, behind]);
    assert.deepEqual(order, ["writer", "behind"]);
    isFree();
  });

  check("a reader that comes does not overtake a writer that waits for readers", async () => {
    await hold(fixture.third, "read");
    const order: string[] = [];
    const ends = [enters(fixture.subject, "write", SOON, order, "writer")];
    await waiting(1);
    ends.push(entersHere("read", {}, order, "reader"));
    await waiting(2);
    assert.deepEqual(
      await here.call(({ lock }) => [lock.tryRead() === undefined, lock.tryWrite() === undefined, lock.readers]),
      [true, true, 1],
    );
    await letGo(fixture.third);
    await Promise.all(ends);
    assert.deepEqual(order, ["writer", "reader"]);
    isFree();
  });

  check("a higher priority comes first, equal ones in their order", async () => {
    const order: string[] = [];
    await hold(fixture.third, "write");
    const ends = [entersHere("write", { priority: -1 }, order, "low")];
    await waiting(1);
    ends.push(entersHere("write", {}, order, "middle"));
    await waiting(2);
    ends.push(enters(fixture.subject, "write", { ...SOON, priority: 5 }, order, "high"));
    await waiting(3);
    ends.push(entersHere("read", { priority: 5 }, order, "high too"));
    await waiting(4);
    await letGo(fixture.third);
    await Promise.all(ends);
    assert.deepEqual(order, ["high", "high too", "middle", "low"]);
    isFree();
  });

  check("a reader of a higher priority goes in before a writer that waits for readers", async () => {
    await hold(fixture.third, "read");
    const order: string[] = [];
    const writer = entersHere("write", {}, order, "writer");
    await waiting(1);
    await enters(fixture.subject, "read", { ...SOON, priority: 1 }, order, "reader");
    assert.deepEqual(order, ["reader"]);
    await letGo(fixture.third);
    await writer;
    isFree();
  });

  check("a writer whose time runs out lets the readers in behind it", async () => {
    await hold(fixture.third, "read");
    const order: string[] = [];
    const out = assert.rejects(enters(fixture.subject, "write", { timeout: 40 }, order, "out"), {
      code: "ERR_ALLCORES_TIMEOUT",
    });
    await waiting(1);
    const ends = [entersHere("read", {}, order, "next"), entersHere("read", {}, order, "next too")];
    await out;
    await Promise.all(ends);
    assert.deepEqual(order, ["next", "next too"]);
    await letGo(fixture.third);
    isFree();
  });

  check("a reader whose time runs out makes room for the writer behind it", async () => {
    await hold(fixture.third, "write");
    const order: string[] = [];
    const out = assert.rejects(enters(fixture.subject, "read", { timeout: 40 }, order, "out"), {
      code: "ERR_ALLCORES_TIMEOUT",
    });
    await waiting(1);
    const end = entersHere("write", {}, order, "next");
    await waiting(2);
    await out;
    await letGo(fixture.third);
    await end;
    assert.deepEqual(order, ["next"]);
    isFree();
  });

  if (!fixture.blocking)
    check("a writer whose signal aborts is skipped", async () => {
      await hold(fixture.third, "read");
      const order: string[] = [];
      const reason = fixture.subject.call(async ({ lock }, { until, waiters, expectsWake }, readers) => {
        const controller = new AbortController();
        const end = lock.write({ signal: controller.signal }).catch((error: Error) => error.message);
        await until(() => waiters(lock, readers) > 0 && expectsWake(lock, readers));
        controller.abort(new Error("enough"));
        return (await end) as string;
      }, READERS);
      await waiting(1);
      const end = entersHere("read", {}, order, "next");
      assert.equal(await reason, "enough");
      await end;
      await letGo(fixture.third);
      isFree();
    });

  check("cancelWaiters ends the line of both, and later ones begin a new one", async () => {
    await hold(fixture.third, "write");
    const cancelled = { code: "ERR_ALLCORES_CANCELLED" };
    const out = assert.rejects(enters(fixture.subject, "write", SOON, [], "out"), cancelled);
    await waiting(1);
    const outToo = assert.rejects(entersHere("read", {}, [], "out"), cancelled);
    await waiting(2);
    fixture.objects.lock.cancelWaiters();
    await out;
    await outToo;
    const order: string[] = [];
    const end = enters(fixture.subject, "read", SOON, order, "later");
    await waiting(1);
    await letGo(fixture.third);
    await end;
    assert.deepEqual(order, ["later"]);
    isFree();
  });

  if (fixture.apart) {
    check("death: a writer that is killed at the head is skipped", async () => {
      await hold(fixture.third, "read");
      const order: string[] = [];
      const victim = fixture.victim();
      const gone = assert.rejects(enters(victim, "write", {}, order, "dead"));
      await waiting(1);
      const end = enters(fixture.subject, "read", SOON, order, "next");
      await waiting(2);
      await victim.kill();
      await gone;
      await end;
      assert.deepEqual(order, ["next"]);
      await letGo(fixture.third);
      isFree();
    });

    check("death: the lock of a killed writer goes to the first, and then to the next", async () => {
      const victim = fixture.victim();
      await hold(victim, "write");
      const order: string[] = [];
      const ends = [enters(fixture.subject, "write", SOON, order, "first")];
      await waiting(1);
      ends.push(entersHere("read", {}, order, "second"));
      await waiting(2);
      await victim.kill();
      await Promise.all(ends);
      assert.deepEqual(order, ["first", "second"]);
      isFree();
    });

    check("death: a killed reader no longer keeps the first out", async () => {
      const victim = fixture.victim();
      await hold(victim, "read");
      const order: string[] = [];
      const ends = [enters(fixture.subject, "write", SOON, order, "first")];
      await waiting(1);
      ends.push(entersHere("read", {}, order, "second"));
      await waiting(2);
      await victim.kill();
      await Promise.all(ends);
      assert.deepEqual(order, ["first", "second"]);
      isFree();
    });
  }

  if (fixture.blocking)
    check("who would block behind awaiting code of its own thread is told", async () => {
      await hold(fixture.third, "write");
      const codes = await fixture.subject.call(async ({ lock }, { kept, until, waiters }, readers) => {
        kept.awaited = lock.read();
        await until(() => waiters(lock, readers) === 1);
        const code = (run: () => unknown) => {
          try {
            run();
            return "none";
          } catch (error) {
            return (error as { code: string }).code;
          }
        };
        return [
          code(() => lock.writeSync()),
          code(() => lock.readSync({ timeout: 5, priority: 0 })),
          code(() => lock.writeSync({ timeout: 0 })),
        ];
      }, READERS);
      assert.deepEqual(codes, ["ERR_ALLCORES_DEADLOCK", "ERR_ALLCORES_DEADLOCK", "ERR_ALLCORES_TIMEOUT"]);
      // One of a higher priority does not stand behind it.
      const before = fixture.subject.call(({ lock }) => {
        lock.writeSync({ priority: 1 })[Symbol.dispose]();
        return true;
      });
      await waiting(2);
      await letGo(fixture.third);
      assert.equal(await before, true);
      await fixture.subject.call(async (_, { kept }) => ((await kept.awaited) as Disposable)[Symbol.dispose]());
      isFree();
    });
};
