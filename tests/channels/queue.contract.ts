/**
 * What every queue promises to blocking and awaiting callers, across threads and processes; `Kind` tells in which order
 * the values come out.
 */
import assert from "node:assert/strict";
import { type AnyQueue, Event, type PutPriority, type QueueOptions } from "allcores";
import type { Across, Check, Fixture } from "../contract/fixture.js";
import type { Director } from "../fixtures/actor.js";
import { GETTERS, JOINERS, PUTTERS } from "../fixtures/queue-insides.js";
import { timeLimit } from "../time-limit.js";

/**
 * A class of queues. Every value is put with the same priority, so that a PriorityQueue gives them out as they came.
 */
export interface Kind {
  make(options: QueueOptions): SomeQueue;
  /** The order in which values come out that were put one after the other. */
  out<V>(values: readonly V[]): V[];
}

type SomeQueue = AnyQueue<unknown, PutPriority>;

export interface QueueObjects {
  readonly q: SomeQueue;
  /** Holds two items. */
  readonly two: SomeQueue;
  /** Holds 100 bytes. */
  readonly small: SomeQueue;
  /** Holds two items, and drops what comes then. */
  readonly strict: SomeQueue;
  readonly event: Event;
}

type Name = "q" | "two" | "small";
type Json = string | number | boolean | null;

export const queueObjects =
  ({ make }: Kind) =>
  (across: Across): QueueObjects => ({
    q: make({ across }),
    two: make({ across, maxSize: 2 }),
    small: make({ across, capacity: 100 }),
    strict: make({ across, maxSize: 2, whenFull: "dropNewest" }),
    event: new Event({ across }),
  });

const TIMEOUT = { code: "ERR_ALLCORES_TIMEOUT", name: "TimeoutError" };
const SHUT_DOWN = { code: "ERR_ALLCORES_QUEUE_SHUT_DOWN", name: "QueueShutDownError" };

export function queueContract(
  { out }: Kind,
  fixture: Fixture<QueueObjects>,
  check: Parameters<Check<QueueObjects>>[1],
): void {
  type Who = Director<QueueObjects>;
  const { here } = fixture;
  const inOrder = out([1, 2])[0] === 1;
  const get = fixture.verb("get");
  const put = fixture.verb("put");
  const join = fixture.verb("join");

  const puts = (who: Who, name: Name, values: Json[], options: object = {}) =>
    who.call(
      async (objects, _, put, name, values, options) => {
        for (const value of values)
          await objects[name][put](
            value,
            (typeof options === "object" && options !== null ? { priority: 0, ...options } : options) as object,
          );
      },
      put,
      name,
      values,
      options,
    );
  const gets = (who: Who, name: Name, count: number, options: object = {}) =>
    who.call(
      async (objects, _, get, name, count, options) => {
        const got: unknown[] = [];
        while (got.length < count) got.push(await objects[name][get](options));
        return got as Json[];
      },
      get,
      name,
      count,
      options,
    );
  const joins = (who: Who, name: Name, options: object = {}) =>
    who.call((objects, _, join, name, options) => objects[name][join](options), join, name, options);
  const tryGets = (who: Who, name: Name) => who.call((objects, _, name) => objects[name].tryGet() ?? null, name);
  const waiting = (name: Name, key: number, count: number) =>
    here.call((objects, { until, waiters }) => until(() => waiters(objects[name], key) === count));
  const unchanged = async (name: Name, values: Json[]) => {
    assert.equal(fixture.objects[name].size, values.length);
    assert.deepEqual(await gets(fixture.third, name, values.length), out(values));
    assert.equal(await tryGets(fixture.other, name), null);
  };

  check("values come out in the order of the queue", async () => {
    await puts(fixture.subject, "q", [1, "two", null, false, 5.5]);
    assert.deepEqual(await gets(fixture.other, "q", 5), out<Json>([1, "two", null, false, 5.5]));
    await puts(fixture.other, "q", [6, 7]);
    assert.deepEqual(await gets(fixture.subject, "q", 2), out([6, 7]));
  });

  check("null and undefined are values, and nothing is something else", async () => {
    await fixture.subject.call(async ({ q }, _, put) => {
      await q[put](undefined, { priority: 0 });
      await q[put](null, { priority: 0 });
      await q[put](undefined, { priority: 0 });
    }, put);
    const got = await fixture.other.call(async ({ q }, _, get) => {
      const [first, second] = [await q[get](), await q[get]()];
      const third = q.tryGet();
      return [
        first === undefined,
        second === null,
        third !== undefined && "value" in third && third.value === undefined,
        q.tryGet() === undefined,
      ];
    }, get);
    assert.deepEqual(got, [true, true, true, true]);
  });

  check("values arrive as what they are, by chunks and over their borders", async () => {
    const count = 3000;
    await fixture.subject.call(
      async ({ q }, _, put, count) => {
        for (let index = 0; index < count; index++)
          await q[put]({ index, big: BigInt(index) ** 9n, text: "é".repeat(index % 700) }, { priority: 0 });
        await q[put](new Map([[new Date(5), new Uint8Array([1, 2, 3])]]), { priority: 0 });
      },
      put,
      count,
    );
    const wrong = await fixture.other.call(
      async ({ q }, _, get, count, inOrder) => {
        const last = async () => {
          const [[date, bytes]] = [...((await q[get]()) as Map<Date, Uint8Array>)] as [[Date, Uint8Array]];
          return date.getTime() === 5 && bytes.join() === "1,2,3";
        };
        if (!inOrder && !(await last())) return "the map";
        for (let taken = 0; taken < count; taken++) {
          const expected = inOrder ? taken : count - 1 - taken;
          const { index, big, text } = (await q[get]()) as { index: number; big: bigint; text: string };
          if (index !== expected || big !== BigInt(index) ** 9n || text !== "é".repeat(index % 700))
            return `item ${expected}`;
        }
        return !inOrder || (await last()) ? undefined : "the map";
      },
      get,
      count,
      inOrder,
    );
    assert.equal(wrong, undefined);
  });

  check("a value is copied when it is put: changing it afterwards changes nothing", async () => {
    const got = await fixture.subject.call(
      async ({ q, two }, _, put, get) => {
        const value = { text: "before", bytes: new Uint8Array(5000).fill(1) };
        await q[put](value, { priority: 0 });
        value.text = "after";
        value.bytes.fill(2);
        const { text, bytes } = (await q[get]()) as typeof value;
        two.tryPut(0, { priority: 0 });
        two.tryPut(0, { priority: 0 });
        return [text, bytes[4999]];
      },
      put,
      get,
    );
    assert.deepEqual(got, ["before", 1]);
  });

  check("a value of 100 KB arrives whole", async () => {
    await fixture.subject.call(
      ({ q }, _, put) =>
        q[put]({ bytes: Uint8Array.from({ length: 100_000 }, (_, index) => index % 251) }, { priority: 0 }),
      put,
    );
    await puts(fixture.subject, "q", ["after it"]);
    if (!inOrder) assert.deepEqual(await gets(fixture.other, "q", 1), ["after it"]);
    const wrong = await fixture.other.call(async ({ q }, _, get) => {
      const { bytes } = (await q[get]()) as { bytes: Uint8Array };
      return bytes.length !== 100_000 || bytes.some((byte, index) => byte !== index % 251);
    }, get);
    assert.equal(wrong, false);
    if (inOrder) assert.deepEqual(await gets(fixture.other, "q", 1), ["after it"]);
  });

  check("shared objects inside an item arrive as the same object", async () => {
    await fixture.subject.call(async ({ q, event }, { allcores, kept }, put) => {
      kept.lock = new allcores.Lock({ across: q.across, label: "mine" });
      await q[put]({ deep: [event, event], lock: kept.lock, queue: q }, { priority: 0 });
      (kept.lock as InstanceType<typeof allcores.Lock>).acquireSync();
    }, put);
    const got = await fixture.third.call(async ({ q, event }, { allcores }, get) => {
      const { deep, lock, queue } = (await q[get]()) as {
        deep: unknown[];
        lock: InstanceType<typeof allcores.Lock>;
        queue: unknown;
      };
      event.set();
      return [
        deep[0] === event,
        deep[1] === event,
        queue === q,
        lock.label,
        lock instanceof allcores.Lock,
        lock.tryAcquire() === undefined,
      ];
    }, get);
    assert.deepEqual(got, [true, true, true, "mine", true, true]);
    assert.equal(fixture.objects.event.isSet, true);
  });

  check("an item keeps its shared object although the one who put it has freed it", async () => {
    await fixture.subject.call(async ({ q }, { allcores }, put) => {
      const semaphore = new allcores.Semaphore(7, { across: q.across });
      await q[put](semaphore, { priority: 0 });
      semaphore.free();
    }, put);
    const value = await fixture.other.call(
      async ({ q }, { allcores }, get) => ((await q[get]()) as InstanceType<typeof allcores.Semaphore>).value,
      get,
    );
    assert.equal(value, 7);
  });

  check("get waits until something is put", async () => {
    const got = gets(fixture.subject, "q", 1);
    await waiting("q", GETTERS, 1);
    await puts(fixture.canMeet ? fixture.other : fixture.third, "q", ["at last"]);
    assert.deepEqual(await got, ["at last"]);
    await waiting("q", GETTERS, 0);
  });

  check("each of several waiting getters gets one item", async () => {
    const got = [
      gets(fixture.subject, "q", 1),
      gets(fixture.third, "q", 1),
      gets(here, "q", 0).then(async () => [await fixture.objects.q.get()]),
    ];
    await waiting("q", GETTERS, 3);
    await here.call(async ({ q }) => {
      for (const value of [1, 2, 3]) await q.put(value, { priority: 0 });
    });
    assert.deepEqual((await Promise.all(got)).flat().sort(), [1, 2, 3]);
    assert.equal(fixture.objects.q.isEmpty, true);
  });

  check("maxSize makes putters wait, and each get lets one in", async () => {
    const put = puts(fixture.subject, "two", [1, 2, 3, 4]);
    await waiting("two", PUTTERS, 1);
    assert.equal(fixture.objects.two.isFull, true);
    assert.equal(fixture.objects.two.size, 2);
    // Which of two comes first where one of them waited, only a queue that is first in, first out tells.
    const got = await gets(fixture.third, "two", 4);
    assert.deepEqual(inOrder ? got : [...got].sort(), [1, 2, 3, 4]);
    await put;
    assert.equal(fixture.objects.two.isEmpty, true);
  });

  check("capacity counts bytes, and each get gives its bytes back", async () => {
    const text = "x".repeat(40);
    await puts(fixture.other, "small", [text, text]);
    assert.equal(await fixture.other.call(({ small }, _, text) => small.tryPut(text, { priority: 0 }), text), false);
    assert.equal(await fixture.other.call(({ small }) => small.tryPut(1, { priority: 0 })), true);
    const late = puts(fixture.subject, "small", [`${text}!`]);
    await waiting("small", PUTTERS, 1);
    const first = out([text, text, 1])[0];
    assert.deepEqual(await gets(fixture.third, "small", 1), [first]);
    if (first === 1) assert.deepEqual(await gets(fixture.third, "small", 1), [text]);
    await late;
    assert.deepEqual(
      await gets(fixture.third, "small", fixture.objects.small.size),
      first === 1 ? [`${text}!`, text] : [text, 1, `${text}!`],
    );
  });

  check("one large item that leaves makes room for all small ones that wait", async () => {
    await puts(fixture.other, "small", ["x".repeat(90)]);
    const late = [
      puts(fixture.subject, "small", ["y".repeat(20)]),
      puts(fixture.third, "small", ["y".repeat(20)]),
      fixture.objects.small.put("y".repeat(20), { priority: 0 }),
    ];
    await waiting("small", PUTTERS, 3);
    assert.deepEqual(fixture.objects.small.tryGet(), { value: "x".repeat(90) });
    await Promise.all(late);
    assert.equal(fixture.objects.small.size, 3);
  });

  check("a value larger than the capacity is refused, and changes nothing", async () => {
    await puts(fixture.subject, "small", ["first"]);
    const refused = {
      code: "ERR_ALLCORES_TOO_LARGE",
      name: "TooLargeError",
      message: /\b\d+ bytes never fits .* 100 bytes/,
    };
    for (const length of [101, 5_000, 100_000]) {
      await assert.rejects(puts(fixture.subject, "small", ["x".repeat(length)]), refused);
      await assert.rejects(puts(fixture.subject, "small", ["x".repeat(length)], { timeout: 0 }), refused);
      await assert.rejects(
        fixture.subject.call(({ small }, _, length) => small.tryPut("x".repeat(length), { priority: 0 }), length),
        refused,
      );
    }
    await unchanged("small", ["first"]);
  });

  check("tryPut and tryGet never wait", async () => {
    const fill = await fixture.subject.call(({ two }) => [1, 2, 3].map((value) => two.tryPut(value, { priority: 0 })));
    assert.deepEqual(fill, [true, true, false]);
    for (const value of out([1, 2])) assert.deepEqual(await tryGets(fixture.other, "two"), { value });
    assert.equal(await tryGets(fixture.other, "two"), null);
  });

  check("peek shows what comes next, and takes nothing", async () => {
    assert.equal(await fixture.subject.call(({ q }) => q.peek() ?? null), null);
    await puts(fixture.subject, "q", [1, "x".repeat(5_000)]);
    const next = out([1, "x".repeat(5_000)])[0]!;
    for (const who of [fixture.subject, fixture.other, fixture.third])
      assert.deepEqual(await who.call(({ q }) => q.peek() ?? null), { value: next });
    assert.equal(fixture.objects.q.size, 2);
    assert.deepEqual(await gets(fixture.other, "q", 2), out([1, "x".repeat(5_000)]));
    assert.equal(await fixture.subject.call(({ q }) => q.peek() ?? null), null);
  });

  check("peek shows a shared object as what it is, however often, and whatever becomes of the item", async () => {
    const puts = await fixture.subject.call(async ({ q, event }, _, put) => {
      await q[put]({ event }, { priority: 0 });
      return q.size;
    }, put);
    assert.equal(puts, 1);
    const seen = await fixture.other.call(async ({ q, event }, _, get) => {
      const looks = [1, 2, 3].map(() => (q.peek()!.value as { event: unknown }).event === event);
      const { event: taken } = (await q[get]()) as { event: unknown };
      return [...looks, taken === event, event.isSet];
    }, get);
    assert.deepEqual(seen, [true, true, true, true, false]);
  });

  check("getUpTo takes what there is, and at most so many", async () => {
    const upTo = fixture.verb("getUpTo");
    await puts(fixture.other, "q", [1, 2, 3, 4, 5]);
    const takes = (who: Who, n: number) => who.call(async ({ q }, _, upTo, n) => (await q[upTo](n)) as Json[], upTo, n);
    const all = out([1, 2, 3, 4, 5]);
    assert.deepEqual(await takes(fixture.subject, 2), all.slice(0, 2));
    assert.deepEqual(await takes(fixture.third, 10), all.slice(2));
    assert.equal(await fixture.subject.call(({ q }) => q.tryGetUpTo(3) ?? null), null);
    const late = takes(fixture.subject, 3);
    await waiting("q", GETTERS, 1);
    await puts(fixture.third, "q", ["late"]);
    assert.deepEqual(await late, ["late"]);
    await puts(fixture.other, "q", [1, 2]);
    assert.deepEqual(await fixture.subject.call(({ q }) => q.tryGetUpTo(3) as Json[]), out([1, 2]));
    await assert.rejects(
      fixture.subject.call(async ({ q }, _, upTo) => void (await q[upTo](3, { timeout: 5 })), upTo),
      TIMEOUT,
    );
  });

  check("getUpTo of a queue that is shut down gives what is left, and then fails", async () => {
    const upTo = fixture.verb("getUpTo");
    await puts(fixture.other, "q", [1, 2]);
    fixture.objects.q.shutdown();
    assert.deepEqual(
      await fixture.subject.call(async ({ q }, _, upTo) => (await q[upTo](5)) as Json[], upTo),
      out([1, 2]),
    );
    await assert.rejects(
      fixture.subject.call(async ({ q }, _, upTo) => void (await q[upTo](5)), upTo),
      SHUT_DOWN,
    );
  });

  check("a full queue that drops the newest says so, and keeps what it has", async () => {
    const said = await fixture.subject.call(async ({ strict }, _, put) => {
      const said: boolean[] = [];
      for (const value of [1, 2, 3]) said.push(await strict[put](value, { priority: 0 }));
      return [...said, strict.tryPut(4, { priority: 0 }), await strict[put]("x".repeat(5_000), { priority: 0 })];
    }, put);
    assert.deepEqual(said, [true, true, false, false, false]);
    const left = await fixture.other.call(async ({ strict }, _, get) => {
      const left = [await strict[get](), await strict[get](), strict.tryGet() ?? null];
      for (const _ of [1, 2]) strict.taskDone();
      strict.joinSync({ timeout: 0 });
      return left as Json[];
    }, get);
    assert.deepEqual(left, [...out([1, 2]), null]);
  });

  check("timeout 0 is one attempt", async () => {
    await assert.rejects(gets(fixture.subject, "two", 1, { timeout: 0 }), TIMEOUT);
    await puts(fixture.subject, "two", [1, 2], { timeout: 0 });
    await assert.rejects(puts(fixture.subject, "two", [3], { timeout: 0 }), TIMEOUT);
    await assert.rejects(joins(fixture.subject, "two", { timeout: 0 }), TIMEOUT);
    assert.deepEqual(await gets(fixture.other, "two", 2, { timeout: 0 }), out([1, 2]));
    await joins(fixture.subject, "q", { timeout: 0 });
  });

  check("a get that runs out takes nothing", async () => {
    const began = performance.now();
    await assert.rejects(gets(fixture.subject, "q", 1, { timeout: 30 }), { ...TIMEOUT, message: /within 30 ms/ });
    assert.ok(performance.now() - began >= 29);
    assert.equal(await here.call(({ q }, { waiters }, key) => waiters(q, key), GETTERS), 0);
    await puts(fixture.other, "q", ["kept"]);
    await unchanged("q", ["kept"]);
  });

  check("a put that runs out puts nothing", async () => {
    await puts(fixture.subject, "two", [1, 2]);
    await assert.rejects(puts(fixture.subject, "two", [3], { timeout: 30 }), TIMEOUT);
    await assert.rejects(puts(fixture.subject, "two", ["x".repeat(5000)], { timeout: 30 }), TIMEOUT);
    assert.equal(await here.call(({ two }, { waiters }, key) => waiters(two, key), PUTTERS), 0);
    await unchanged("two", [1, 2]);
  });

  check("a timeout that does not run out makes no difference", async () => {
    const got = gets(fixture.subject, "q", 1, { timeout: timeLimit(8_000) });
    await waiting("q", GETTERS, 1);
    await puts(fixture.third, "q", ["in time"]);
    assert.deepEqual(await got, ["in time"]);
    await puts(fixture.other, "two", [1, 2]);
    const put = puts(fixture.subject, "two", [3], { timeout: timeLimit(8_000) });
    await waiting("two", PUTTERS, 1);
    const late = await gets(fixture.third, "two", 3);
    assert.deepEqual(inOrder ? late : [...late].sort(), [1, 2, 3]);
    await put;
  });

  check("a wrong timeout is refused, and changes nothing", async () => {
    await puts(fixture.other, "q", ["kept"]);
    const negative = { code: "ERR_ALLCORES_ARGUMENT_RANGE" };
    const wrong = { code: "ERR_ALLCORES_ARGUMENT_TYPE" };
    for (const timeout of [-1, -0.001]) {
      await assert.rejects(gets(fixture.subject, "q", 1, { timeout }), negative);
      await assert.rejects(puts(fixture.subject, "q", [2], { timeout }), negative);
      await assert.rejects(joins(fixture.subject, "q", { timeout }), negative);
    }
    const codes = await fixture.subject.call(
      async ({ q }, _, get, put, join) => {
        const codes: (string | undefined)[] = [];
        for (const options of [{ timeout: Number.NaN }, { timeout: Number.NEGATIVE_INFINITY }] as object[]) {
          for (const wait of [() => q[get](options), () => q[put](2, options), () => q[join](options)]) {
            try {
              await wait();
              codes.push("none");
            } catch (error) {
              codes.push((error as { code?: string }).code);
            }
          }
        }
        return [...new Set(codes)];
      },
      get,
      put,
      join,
    );
    assert.deepEqual(codes, [negative.code]);
    for (const options of [{ timeout: "5" }, { timeout: null }, 5, "soon", null] as unknown as object[]) {
      await assert.rejects(gets(fixture.subject, "q", 1, options), wrong);
      await assert.rejects(puts(fixture.subject, "q", [2], options), wrong);
      await assert.rejects(joins(fixture.subject, "q", options), wrong);
    }
    await unchanged("q", ["kept"]);
  });

  if (!fixture.blocking) {
    check("an abort ends a get, which takes nothing", async () => {
      const reason = await fixture.subject.call(async ({ q }, { until, waiters }, key) => {
        const controller = new AbortController();
        const got = q.get({ signal: controller.signal, timeout: timeLimit(8_000) }).then(
          () => "got",
          (error) => error.message as string,
        );
        await until(() => waiters(q, key) === 1);
        controller.abort(new Error("enough"));
        return [await got, waiters(q, key)];
      }, GETTERS);
      assert.deepEqual(reason, ["enough", 0]);
      await puts(fixture.other, "q", ["kept"]);
      await unchanged("q", ["kept"]);
    });

    check("an abort ends a put, which puts nothing", async () => {
      await puts(fixture.other, "two", [1, 2]);
      const reason = await fixture.subject.call(async ({ two }, { until, waiters }, key) => {
        const controller = new AbortController();
        const put = [3, "x".repeat(5000)].map((value) =>
          two.put(value, { signal: controller.signal, priority: 0 }).then(
            () => "put",
            (error) => error.message as string,
          ),
        );
        await until(() => waiters(two, key) === 2);
        controller.abort(new Error("enough"));
        return Promise.all(put);
      }, PUTTERS);
      assert.deepEqual(reason, ["enough", "enough"]);
      await unchanged("two", [1, 2]);
    });

    check("a signal that is aborted already: nothing is taken, nothing is put", async () => {
      await puts(fixture.other, "q", ["kept"]);
      const ends = await fixture.subject.call(async ({ q }) => {
        const signal = AbortSignal.abort(new Error("too late"));
        const ends = await Promise.allSettled([
          q.get({ signal }),
          q.put(2, { signal, priority: 0 }),
          q.join({ signal }),
        ]);
        return ends.map((end) => end.status === "rejected" && (end.reason as Error).message);
      });
      assert.deepEqual(ends, ["too late", "too late", "too late"]);
      await unchanged("q", ["kept"]);
    });

    check("an item that came with the abort goes to the next getter", async () => {
      const ends = await fixture.subject.call(async ({ q }, { until, waiters }, key) => {
        const controller = new AbortController();
        const first = q.get({ signal: controller.signal }).then(
          () => "got it",
          () => "aborted",
        );
        const second = q.get();
        await until(() => waiters(q, key) === 2);
        q.tryPut("the item", { priority: 0 });
        controller.abort();
        return [await first, await Promise.race([second, first.then((end) => (end === "got it" ? "" : second))])];
      }, GETTERS);
      assert.deepEqual(ends, ["aborted", "the item"]);
    });

    check("what is no signal is refused", async () => {
      await puts(fixture.other, "q", ["kept"]);
      for (const signal of [{}, "abort", 5] as unknown[])
        await assert.rejects(gets(fixture.subject, "q", 1, { signal }), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
      await unchanged("q", ["kept"]);
    });

    check("many awaiting getters and putters of one loop", async () => {
      const got = await fixture.subject.call(async ({ two }) => {
        const got = Array.from({ length: 50 }, () => two.get());
        const put = Array.from({ length: 100 }, (_, index) => two.put(index, { priority: 0 }));
        const more = Array.from({ length: 50 }, () => two.get());
        await Promise.all(put);
        return (await Promise.all([...got, ...more])) as number[];
      });
      assert.deepEqual(
        got.sort((a, b) => a - b),
        Array.from({ length: 100 }, (_, index) => index),
      );
    });
  }

  check("what cannot be sent fails in put with its path, and changes nothing", async () => {
    await puts(fixture.other, "two", ["kept"]);
    const failures = await fixture.subject.call(async ({ two }, _, put) => {
      const failures: unknown[] = [];
      const fails = async (action: () => unknown) => {
        try {
          await action();
          failures.push("nothing");
        } catch (error) {
          const { code, path, name } = error as { code?: string; path?: string; name: string };
          failures.push([name, code, path]);
        }
      };
      await fails(() => two[put](() => 1, { priority: 0 }));
      await fails(() => two[put]({ list: [1, { onDone() {} }] }, { priority: 0, timeout: 0 }));
      await fails(() => two.tryPut({ big: "x".repeat(5000), at: Symbol("s") }, { priority: 0 }));
      await fails(() => two[put]({ then: Promise.resolve(1) }, { priority: 0 }));
      return failures;
    }, put);
    const unsendable = (path: string) => ["UnsendableError", "ERR_ALLCORES_UNSENDABLE", path];
    assert.deepEqual(failures, [
      unsendable("value"),
      unsendable("value.list[1].onDone"),
      unsendable("value.at"),
      unsendable("value.then"),
    ]);
    await unchanged("two", ["kept"]);
  });

  if (fixture.across === "processes") {
    check("an object that reaches across threads only is refused with its path", async () => {
      const failure = await fixture.subject.call(async ({ q }, { allcores }, put) => {
        try {
          await q[put]({ held: [new allcores.Lock()] }, { priority: 0 });
          return undefined;
        } catch (error) {
          const { code, path, name, message } = error as { code: string; path: string; name: string; message: string };
          return [name, code, path, message.includes('{ across: "processes" }')];
        }
      }, put);
      assert.deepEqual(failure, ["ReachError", "ERR_ALLCORES_REACH", "value.held[0]", true]);
      assert.equal(fixture.objects.q.size, 0);
    });
  }

  check("join waits until each item was taken and done", async () => {
    await joins(fixture.subject, "q");
    await puts(fixture.other, "q", [1, 2]);
    const joined = joins(fixture.subject, "q").then(() => fixture.objects.q.size);
    await waiting("q", JOINERS, 1);
    assert.deepEqual(await gets(fixture.third, "q", 2), out([1, 2]));
    await fixture.third.call(({ q }) => q.taskDone());
    assert.equal(await here.call(({ q }, { waiters }, key) => waiters(q, key), JOINERS), 1);
    await fixture.third.call(({ q }) => q.taskDone());
    assert.equal(await joined, 0);
  });

  check("join that runs out changes nothing", async () => {
    await puts(fixture.other, "q", [1]);
    await assert.rejects(joins(fixture.subject, "q", { timeout: 20 }), TIMEOUT);
    await unchanged("q", [1]);
    await fixture.other.call(({ q }) => q.taskDone());
    await joins(fixture.subject, "q", { timeout: 0 });
  });

  check("taskDone more often than items were put is an error that changes nothing", async () => {
    const tooOften = { code: "ERR_ALLCORES_RELEASED_TOO_OFTEN", name: "ReleasedTooOftenError" };
    const done = (who: Who) => who.call(({ q }) => q.taskDone());
    await assert.rejects(done(fixture.subject), tooOften);
    await puts(fixture.subject, "q", [1]);
    await done(fixture.other);
    await assert.rejects(done(fixture.other), tooOften);
    await unchanged("q", [1]);
    await joins(fixture.subject, "q", { timeout: 0 });
  });

  check("shutdown lets nothing more in, and what is in it out", async () => {
    await puts(fixture.subject, "two", [1, 2]);
    await fixture.other.call(({ two }) => two.shutdown());
    assert.equal(fixture.objects.two.isShutDown, true);
    await assert.rejects(puts(fixture.subject, "two", [3]), SHUT_DOWN);
    await assert.rejects(
      fixture.subject.call(({ two }) => two.tryPut("x".repeat(5000), { priority: 0 })),
      SHUT_DOWN,
    );
    assert.deepEqual(await gets(fixture.subject, "two", 1), out([1, 2]).slice(0, 1));
    assert.deepEqual(await tryGets(fixture.other, "two"), { value: out([1, 2])[1] });
    await assert.rejects(gets(fixture.subject, "two", 1), SHUT_DOWN);
    await assert.rejects(gets(fixture.subject, "two", 1, { timeout: 0 }), SHUT_DOWN);
    await assert.rejects(tryGets(fixture.other, "two"), SHUT_DOWN);
    await fixture.other.call(({ two }) => two.shutdown());
  });

  check("shutdown ends a getter that waits in vain", async () => {
    const got = assert.rejects(gets(fixture.subject, "q", 1), SHUT_DOWN);
    await waiting("q", GETTERS, 1);
    await fixture.third.call(({ q }) => q.shutdown());
    await got;
  });

  check("shutdown ends a putter that waits, and keeps what is in the queue", async () => {
    await puts(fixture.other, "two", [1, 2]);
    const put = assert.rejects(puts(fixture.subject, "two", ["late"]), SHUT_DOWN);
    await waiting("two", PUTTERS, 1);
    await fixture.third.call(({ two }) => two.shutdown());
    await put;
    assert.deepEqual(await gets(fixture.other, "two", 2), out([1, 2]));
  });

  check("shutdown leaves join waiting for what is still being done", async () => {
    await puts(fixture.other, "q", [1]);
    const joined = joins(fixture.subject, "q");
    await waiting("q", JOINERS, 1);
    await fixture.third.call(({ q }) => q.shutdown());
    assert.deepEqual(await gets(fixture.third, "q", 1), [1]);
    await fixture.third.call(({ q }) => q.taskDone());
    await joined;
  });

  check("shutdown at once drops what is in it, frees join and ends who waits", async () => {
    await puts(fixture.other, "two", [1, "x".repeat(5000)]);
    const put = assert.rejects(fixture.objects.two.put(3, { priority: 0 }), SHUT_DOWN);
    const joined = joins(fixture.subject, "two");
    await waiting("two", JOINERS, 1);
    await waiting("two", PUTTERS, 1);
    await fixture.third.call(({ two }) => two.shutdown({ immediate: true }));
    await Promise.all([put, joined]);
    assert.equal(fixture.objects.two.size, 0);
    await assert.rejects(gets(fixture.subject, "two", 1), SHUT_DOWN);
    await joins(fixture.subject, "two", { timeout: 0 });
  });

  check("a loop over the queue ends once it is shut down and drained", async () => {
    const looped = fixture.subject.call(async ({ q }, _, blocking) => {
      const got: unknown[] = [];
      if (blocking) for (const value of q) got.push(value);
      else for await (const value of q) got.push(value);
      return got as Json[];
    }, fixture.blocking);
    await puts(fixture.third, "q", [1, null, 3]);
    await fixture.third.call(({ q }) => q.shutdown());
    const got = await looped;
    assert.deepEqual(inOrder ? got : new Set(got), inOrder ? [1, null, 3] : new Set([1, null, 3]));
  });

  check("leaving a loop over the queue leaves the rest in it", async () => {
    await puts(fixture.other, "q", [1, 2, 3]);
    const got = await fixture.subject.call(async ({ q }, _, blocking) => {
      if (blocking) for (const value of q) return value as number;
      else for await (const value of q) return value as number;
      return undefined;
    }, fixture.blocking);
    assert.equal(got, out([1, 2, 3])[0]);
    await unchanged("q", inOrder ? [2, 3] : [1, 2]);
  });

  check("size, isEmpty and isFull tell the same everywhere", async () => {
    const told = (who: Who) => who.call(({ two, small }) => [two.size, two.isEmpty, two.isFull, small.isFull]);
    for (const [values, expected] of [
      [[], [0, true, false, false]],
      [[1], [1, false, false, false]],
      [[2], [2, false, true, false]],
    ] as const) {
      await puts(fixture.subject, "two", [...values]);
      for (const who of [fixture.subject, fixture.other, fixture.third, here])
        assert.deepEqual(await told(who), expected);
    }
  });
}

/** Deaths: each needs a worker of its own, so they are played where the other worker is another. */
export function queueDeathContract(
  { out }: Kind,
  fixture: Fixture<QueueObjects>,
  check: Parameters<Check<QueueObjects>>[1],
): void {
  if (!fixture.apart) return;
  const { here } = fixture;
  const get = fixture.verb("get");
  const put = fixture.verb("put");
  const waiting = (name: Name, key: number, count: number) =>
    here.call((objects, { until, waiters }) => until(() => waiters(objects[name], key) === count));

  check("death of a waiting getter takes no item with it", async () => {
    const victim = fixture.victim();
    const died = assert.rejects(victim.call(async ({ q }, _, get) => void (await q[get]()), get));
    await waiting("q", GETTERS, 1);
    const got = fixture.subject.call(({ q }, _, get) => q[get]() as Promise<Json>, get);
    await waiting("q", GETTERS, 2);
    await victim.kill();
    await died;
    fixture.objects.q.putSync("for the living", { priority: 0 });
    assert.equal(await got, "for the living");
  });

  check("death of a waiting putter: its item never comes, the others' do", async () => {
    fixture.objects.two.putSync(1, { priority: 0 });
    fixture.objects.two.putSync(2, { priority: 0 });
    const victim = fixture.victim();
    const died = assert.rejects(
      victim.call(async ({ two }, _, put) => void (await two[put]("of the dead", { priority: 0 })), put),
    );
    await waiting("two", PUTTERS, 1);
    const late = fixture.subject.call(({ two }, _, put) => two[put](3, { priority: 0 }), put);
    await waiting("two", PUTTERS, 2);
    await victim.kill();
    await died;
    const got = [fixture.objects.two.getSync(), fixture.objects.two.getSync()];
    await late;
    got.push(fixture.objects.two.getSync());
    assert.deepEqual(out([1, 2])[0] === 1 ? got : got.sort(), [1, 2, 3]);
    assert.equal(fixture.objects.two.tryGet(), undefined);
  });

  check("death after put: the item stays, with the shared object in it", async () => {
    const victim = fixture.victim();
    await victim.call(async ({ q }, { allcores }, put) => {
      await q[put]({ event: new allcores.Event({ across: q.across }), large: "x".repeat(50_000) }, { priority: 0 });
    }, put);
    await victim.kill();
    const got = await fixture.subject.call(async ({ q }, { allcores }, get) => {
      const { event, large } = (await q[get]()) as { event: InstanceType<typeof allcores.Event>; large: string };
      event.set();
      return [event.isSet, large.length];
    }, get);
    assert.deepEqual(got, [true, 50_000]);
  });

  check("death with items taken and not done: join goes on waiting until somebody says done", async () => {
    fixture.objects.q.putSync(1, { priority: 0 });
    const victim = fixture.victim();
    await victim.call(async ({ q }, _, get) => void (await q[get]()), get);
    await victim.kill();
    await assert.rejects(fixture.objects.q.join({ timeout: 0 }), TIMEOUT);
    fixture.objects.q.taskDone();
    await fixture.objects.q.join({ timeout: 0 });
  });
}
