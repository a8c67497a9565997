/** What a pipe promises to blocking and awaiting callers, across threads and processes. */
import assert from "node:assert/strict";
import { type Connection, Event, type PipeOptions, Queue, type SharedMemory } from "allcores";
import type { Across, Check, Fixture } from "../contract/fixture.js";
import type { Director } from "../fixtures/actor.js";
import { inForm } from "../form.js";
import { timeLimit } from "../time-limit.js";

/** Many times what a pipe holds. */
const MEGABYTES = inForm({ short: 16, whole: 64 });

/**
 * An end cannot be among what every actor gets: it belongs to one. `hand` is how the second end of a pipe gets to
 * whoever shall have it.
 */
export interface PipeObjects {
  readonly hand: Queue<Connection>;
  readonly event: Event;
}

type Json = string | number | boolean | null;

export function pipeObjects(across: Across): PipeObjects {
  return { hand: new Queue({ across }), event: new Event({ across }) };
}

const TIMEOUT = { code: "ERR_ALLCORES_TIMEOUT", name: "TimeoutError" };
const CLOSED = { code: "ERR_ALLCORES_CONNECTION_CLOSED", name: "ConnectionClosedError" };
const STATE = { code: "ERR_ALLCORES_STATE", name: "StateError" };

/** The two ends: what the subject keeps is `end`, what the other one gets is `peer`. */
type End = "end" | "peer";

export const pipeContract: Check<PipeObjects> = (fixture: Fixture<PipeObjects>, check) => {
  type Who = Director<PipeObjects>;
  const send = fixture.verb("send");
  const recv = fixture.verb("recv");
  const poll = fixture.verb("poll");
  const recvInto = fixture.verb("recvInto");

  /** A new pipe: its first end is the subject's, its second goes to `other`. */
  const open = async (options: PipeOptions = {}, other: Who = fixture.other) => {
    await fixture.subject.call(({ hand }, { allcores, kept }, options) => {
      const [end, peer] = allcores.createPipe({ across: hand.across, ...options });
      kept.end = end;
      hand.putSync(peer as Connection);
    }, options);
    await other.call(async ({ hand }, { kept }) => {
      kept.peer = await hand.get();
    });
  };
  const sends = (who: Who, end: End, values: Json[], options: object = {}) =>
    who.call(
      async (_, { kept }, send, end, values, options) => {
        for (const value of values) await (kept[end] as Connection)[send](value, options);
      },
      send,
      end,
      values,
      options,
    );
  const receives = (who: Who, end: End, count: number, options: object = {}) =>
    who.call(
      async (_, { kept }, recv, end, count, options) => {
        const got: unknown[] = [];
        while (got.length < count) got.push(await (kept[end] as Connection)[recv](options));
        return got as Json[];
      },
      recv,
      end,
      count,
      options,
    );
  const tryReceives = (who: Who, end: End) =>
    who.call((_, { kept }, end) => ((kept[end] as Connection).tryRecv() ?? null) as { value: Json } | null, end);
  const polls = (who: Who, end: End, options: object = {}) =>
    who.call((_, { kept }, poll, end, options) => (kept[end] as Connection)[poll](options), poll, end, options);
  const closes = (who: Who, end: End) => who.call((_, { kept }, end) => (kept[end] as Connection).close(), end);

  check("messages arrive once, whole and in order, both ways", async () => {
    await open();
    await sends(fixture.subject, "end", [1, "two", null, false, ""]);
    await sends(fixture.other, "peer", [6, 7]);
    assert.deepEqual(await receives(fixture.other, "peer", 5), [1, "two", null, false, ""]);
    assert.deepEqual(await receives(fixture.subject, "end", 2), [6, 7]);
    assert.equal(await tryReceives(fixture.subject, "end"), null);
    assert.equal(await tryReceives(fixture.other, "peer"), null);
  });

  check("undefined and empty buffers are messages", async () => {
    await open();
    await fixture.subject.call(async (_, { kept }, send) => {
      const end = kept.end as Connection;
      await end[send](undefined);
      await end[send](Buffer.alloc(0));
      await end[send](new Uint8Array(0));
      await end[send](undefined);
    }, send);
    const got = await fixture.other.call(async (_, { kept }, recv) => {
      const peer = kept.peer as Connection;
      const [nothing, buffer, array, last] = [
        await peer[recv](),
        await peer[recv](),
        await peer[recv](),
        peer.tryRecv(),
      ];
      return [
        nothing === undefined,
        Buffer.isBuffer(buffer),
        (buffer as Buffer).length,
        (array as Uint8Array).length,
        last !== undefined && "value" in last,
        peer.tryRecv() === undefined,
      ];
    }, recv);
    assert.deepEqual(got, [true, true, 0, 0, true, true]);
  });

  check("values of all sizes arrive as what they are, again and again round the ring", async () => {
    await open();
    const count = 400;
    const sizes = [0, 10, 900, 1016, 1020, 1100, 5_000, 60_000];
    const sending = fixture.subject.call(
      async (_, { kept }, count, sizes) => {
        for (let index = 0; index < count; index++)
          await (kept.end as Connection).send({
            index,
            bytes: new Uint8Array(sizes[index % sizes.length]!).fill(index),
          });
      },
      count,
      sizes,
    );
    const receiving = fixture.other.call(
      async (_, { kept }, recv, count, sizes, apart) => {
        for (let expected = 0; expected < count; expected++) {
          const peer = kept.peer as Connection;
          const { index, bytes } = (await (apart ? peer[recv]() : peer.recv())) as { index: number; bytes: Uint8Array };
          if (
            index !== expected ||
            bytes.length !== sizes[index % sizes.length] ||
            bytes.some((byte) => byte !== (index & 0xff))
          )
            return `message ${expected}`;
        }
        return null;
      },
      recv,
      count,
      sizes,
      fixture.apart,
    );
    assert.equal(await receiving, null);
    await sending;
  });

  check(`a message of ${MEGABYTES} MB arrives whole, and what follows it too`, async () => {
    await open();
    const sending = fixture.subject.call(
      async (_, { kept }, send, megabytes) => {
        const large = Buffer.alloc(megabytes * 1_000_000, "allcores");
        await (kept.end as Connection)[send](large);
        kept.behind = (kept.end as Connection).send("behind it");
      },
      send,
      MEGABYTES,
    );
    const got = await fixture.other.call(async (_, { kept }, megabytes) => {
      const peer = kept.peer as Connection;
      const large = (await peer.recv()) as Buffer;
      return [large.length, large.equals(Buffer.alloc(megabytes * 1_000_000, "allcores")), await peer.recv()];
    }, MEGABYTES);
    assert.deepEqual(got, [MEGABYTES * 1_000_000, true, "behind it"]);
    await sending;
  });

  check("a message is copied when it is sent", async () => {
    await open();
    await fixture.subject.call(async (_, { kept }, send) => {
      const value = { text: "before", bytes: new Uint8Array(5000).fill(1) };
      await (kept.end as Connection)[send](value);
      value.text = "after";
      value.bytes.fill(2);
    }, send);
    const got = await fixture.other.call(async (_, { kept }, recv) => {
      const { text, bytes } = (await (kept.peer as Connection)[recv]()) as { text: string; bytes: Uint8Array };
      return [text, bytes[4999]!];
    }, recv);
    assert.deepEqual(got, ["before", 1]);
  });

  check("what cannot cross is refused with its path, and nothing is sent", async () => {
    await open();
    await assert.rejects(
      fixture.subject.call(
        async (_, { kept }, send) => await (kept.end as Connection)[send]({ deep: [() => 1] }),
        send,
      ),
      { code: "ERR_ALLCORES_UNSENDABLE", message: /value\.deep\[0\]/ },
    );
    assert.equal(await tryReceives(fixture.other, "peer"), null);
  });

  check("one-way: the first end only receives, the second only sends", async () => {
    await open({ duplex: false });
    await sends(fixture.other, "peer", [1, 2]);
    assert.deepEqual(await receives(fixture.subject, "end", 2), [1, 2]);
    await assert.rejects(sends(fixture.subject, "end", [3]), { ...STATE, message: /can only receive/ });
    await assert.rejects(receives(fixture.other, "peer", 1), { ...STATE, message: /can only send/ });
    await assert.rejects(polls(fixture.other, "peer"), STATE);
    const can = (who: Who, end: End) =>
      who.call((_, { kept }, end) => [(kept[end] as Connection).isReadable, (kept[end] as Connection).isWritable], end);
    assert.deepEqual(await can(fixture.subject, "end"), [true, false]);
    assert.deepEqual(await can(fixture.other, "peer"), [false, true]);
  });

  check("a full pipe: nothing more goes in until something comes out", async () => {
    await open({ capacity: 100 });
    const filled = await fixture.subject.call((_, { kept }) => {
      let count = 0;
      while ((kept.end as Connection).trySend("0123456789".repeat(3))) count++;
      return count;
    });
    assert.equal(filled, 3);
    await assert.rejects(sends(fixture.subject, "end", ["x".repeat(30)], { timeout: 20 }), TIMEOUT);
    await assert.rejects(sends(fixture.subject, "end", ["x".repeat(30)], { timeout: 0 }), TIMEOUT);
    assert.equal((await receives(fixture.other, "peer", 1)).length, 1);
    await sends(fixture.subject, "end", ["last"]);
    assert.deepEqual((await receives(fixture.other, "peer", 3)).at(-1), "last");
    assert.equal(await tryReceives(fixture.other, "peer"), null);
  });

  check("small messages fill the ring and wait for room too", async () => {
    await open();
    const filled = await fixture.subject.call((_, { kept }) => {
      let count = 0;
      while ((kept.end as Connection).trySend(count)) count++;
      return count;
    });
    assert.ok(filled > 500, `${filled}`);
    assert.deepEqual(
      await receives(fixture.other, "peer", filled),
      Array.from({ length: filled }, (_, index) => index),
    );
    await sends(fixture.subject, "end", [-1]);
    assert.deepEqual(await receives(fixture.other, "peer", 1), [-1]);
  });

  check("a sender that waits goes on when there is room, and those behind it in their order", async () => {
    if (!fixture.canMeet) return;
    await open({ capacity: 50 });
    await sends(fixture.subject, "end", ["x".repeat(40)]);
    const sending = fixture.subject.call(
      async (_, { kept }, send, blocking) => {
        const end = kept.end as Connection;
        if (blocking) for (const item of [1, 2, 3]) await end[send]("x".repeat(40) + item);
        else await Promise.all([1, 2, 3].map((item) => end.send("x".repeat(40) + item)));
      },
      send,
      fixture.blocking,
    );
    assert.deepEqual(
      (await receives(fixture.other, "peer", 4)).map((text) => String(text).at(-1)),
      ["x", "1", "2", "3"],
    );
    await sending;
  });

  check("a receiver that waits gets what is sent", async () => {
    if (!fixture.canMeet) return;
    await open();
    const receiving = receives(fixture.other, "peer", 3);
    await sends(fixture.subject, "end", [1]);
    await sends(fixture.subject, "end", [2, 3]);
    assert.deepEqual(await receiving, [1, 2, 3]);
  });

  check("a receive that runs out takes nothing", async () => {
    await open();
    await assert.rejects(receives(fixture.other, "peer", 1, { timeout: 10 }), TIMEOUT);
    await assert.rejects(receives(fixture.other, "peer", 1, { timeout: 0 }), TIMEOUT);
    await assert.rejects(receives(fixture.other, "peer", 1, { timeout: -1 }), { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
    await sends(fixture.subject, "end", [5]);
    assert.deepEqual(await receives(fixture.other, "peer", 1, { timeout: 0 }), [5]);
  });

  check("poll asks, and with a timeout waits for the answer", async () => {
    await open();
    assert.equal(await polls(fixture.other, "peer"), false);
    assert.equal(await polls(fixture.other, "peer", { timeout: 10 }), false);
    if (fixture.canMeet) {
      const polling = polls(fixture.other, "peer", { timeout: timeLimit(5000) });
      await sends(fixture.subject, "end", [1]);
      assert.equal(await polling, true);
    } else await sends(fixture.subject, "end", [1]);
    assert.equal(await polls(fixture.other, "peer"), true);
    assert.deepEqual(await receives(fixture.other, "peer", 1), [1]);
    assert.equal(await polls(fixture.other, "peer"), false);
    await closes(fixture.subject, "end");
    assert.equal(await polls(fixture.other, "peer"), true);
    assert.equal(await polls(fixture.other, "peer", { timeout: 1000 }), true);
  });

  check("end of file: after the other end was closed, once everything was received", async () => {
    await open();
    await sends(fixture.subject, "end", [1, 2]);
    await closes(fixture.subject, "end");
    assert.deepEqual(await receives(fixture.other, "peer", 2), [1, 2]);
    await assert.rejects(receives(fixture.other, "peer", 1), CLOSED);
    await assert.rejects(receives(fixture.other, "peer", 1, { timeout: 1000 }), CLOSED);
    await assert.rejects(tryReceives(fixture.other, "peer"), CLOSED);
    await assert.rejects(sends(fixture.other, "peer", [3]), CLOSED);
    await assert.rejects(sends(fixture.subject, "end", [3]), STATE);
    await assert.rejects(receives(fixture.subject, "end", 1), STATE);
    await assert.rejects(polls(fixture.subject, "end"), STATE);
    await closes(fixture.subject, "end");
    assert.equal(await fixture.subject.call((_, { kept }) => (kept.end as Connection).isClosed), true);
  });

  check("closing wakes a receiver and a sender that wait at the other end", async () => {
    if (!fixture.canMeet) return;
    await open({ capacity: 10 });
    const receiving = assert.rejects(receives(fixture.other, "peer", 1), CLOSED);
    await closes(fixture.subject, "end");
    await receiving;
    await open({ capacity: 10 });
    await sends(fixture.other, "peer", ["x".repeat(10)]);
    const sending = assert.rejects(sends(fixture.other, "peer", ["y".repeat(10)]), CLOSED);
    await closes(fixture.subject, "end");
    await sending;
  });

  check("iteration ends at the end of file", async () => {
    await open();
    await sends(fixture.subject, "end", [1, 2, 3]);
    await closes(fixture.subject, "end");
    const got = await fixture.other.call(async (_, { kept }, blocking) => {
      const got: unknown[] = [];
      if (blocking) for (const item of kept.peer as Connection) got.push(item);
      else for await (const item of kept.peer as Connection) got.push(item);
      return got as Json[];
    }, fixture.blocking);
    assert.deepEqual(got, [1, 2, 3]);
  });

  check("recvInto copies the bytes of a message into a buffer", async () => {
    await open();
    await fixture.subject.call(async (_, { kept }, send) => {
      const end = kept.end as Connection;
      await end[send](Buffer.from([1, 2, 3]));
      await end[send](new Float64Array([0.5, 7.25]));
      await end[send](new Uint8Array(new Uint8Array(100_000).fill(9).buffer, 50_000, 20_000));
      await end[send](new Uint8Array([4]).buffer);
      await end[send]("text");
      await end[send](Buffer.alloc(0));
    }, send);
    const got = await fixture.other.call(
      async (_, { kept }, recvInto, recv) => {
        const peer = kept.peer as Connection;
        const codeOf = async (target: ArrayBufferView): Promise<string> => {
          try {
            await peer[recvInto](target);
            return "received";
          } catch (error) {
            return (error as { code: string }).code;
          }
        };
        const small = new Uint8Array(5).fill(255);
        const first = [await peer[recvInto](small), ...small];
        const tooSmall = await codeOf(new Uint8Array(15));
        const doubles = new Float64Array(2);
        const second = [await peer[recvInto](doubles), ...doubles];
        const part = Buffer.alloc(20_001);
        const third = [await peer[recvInto](part), part[19_999], part[20_000]];
        const buffer = new ArrayBuffer(1);
        const fourth = [await peer[recvInto](buffer), new Uint8Array(buffer)[0]];
        const other = await codeOf(Buffer.alloc(10));
        const text = await peer[recv]();
        return [first, tooSmall, second, third, fourth, other, text, await peer[recvInto](Buffer.alloc(0))];
      },
      recvInto,
      recv,
    );
    assert.deepEqual(got, [
      [3, 1, 2, 3, 255, 255],
      "ERR_ALLCORES_ARGUMENT_RANGE",
      [16, 0.5, 7.25],
      [20_000, 9, 0],
      [1, 4],
      "ERR_ALLCORES_STATE",
      "text",
      0,
    ]);
  });

  check("views of SharedMemory and SharedArray arrive as views of the same memory", async () => {
    await open();
    await fixture.subject.call(async ({ hand }, { allcores, kept }, send) => {
      const memory = new allcores.SharedMemory(70_000, { across: hand.across });
      const array = new allcores.SharedArray("float64", 4, { across: hand.across });
      kept.memory = memory;
      kept.array = array;
      await (kept.end as Connection)[send]([
        memory.bytes.subarray(100),
        memory.view("int32", 400, 3),
        array.view,
        Buffer.from(memory.bytes.buffer, memory.bytes.byteOffset + 8, 8),
      ]);
      await (kept.end as Connection)[send](memory.bytes.subarray(100, 104));
    }, send);
    const got = await fixture.other.call(
      async (_, { kept }, recv, recvInto) => {
        const peer = kept.peer as Connection;
        const [bytes, ints, doubles, buffer] = (await peer[recv]()) as [Uint8Array, Int32Array, Float64Array, Buffer];
        bytes[0] = 1;
        ints[2] = -5;
        doubles[3] = 2.5;
        buffer[7] = 8;
        const copy = new Uint8Array(4);
        return [
          bytes.buffer === ints.buffer,
          bytes.length,
          ints.length,
          doubles.length,
          Buffer.isBuffer(buffer),
          await peer[recvInto](copy),
          copy[0]!,
        ];
      },
      recv,
      recvInto,
    );
    assert.deepEqual(got, [true, 69_900, 3, 4, true, 4, 1]);
    const seen = await fixture.subject.call((_, { kept }) => {
      const memory = kept.memory as SharedMemory;
      return [
        memory.bytes[100]!,
        memory.view("int32", 400, 3)[2]!,
        (kept.array as { get(index: number): number }).get(3),
        memory.bytes[15]!,
      ];
    });
    assert.deepEqual(seen, [1, -5, 2.5, 8]);
  });

  check("shared objects in a message arrive as the same object", async () => {
    await open();
    await fixture.subject.call(
      async ({ event }, { kept }, send) => await (kept.end as Connection)[send]({ deep: [event, event] }),
      send,
    );
    const same = await fixture.other.call(async ({ event }, { kept }, recv) => {
      const { deep } = (await (kept.peer as Connection)[recv]()) as { deep: unknown[] };
      return deep[0] === event && deep[1] === event;
    }, recv);
    assert.equal(same, true);
  });

  check("an end moves: with all it has not received, and is of no use where it was", async () => {
    await open();
    await sends(fixture.subject, "end", [1, 2, "x".repeat(5000)]);
    assert.deepEqual(await receives(fixture.other, "peer", 1), [1]);
    await fixture.other.call(({ hand }, { kept }) => hand.putSync(kept.peer as Connection));
    await assert.rejects(receives(fixture.other, "peer", 1), { ...STATE, message: /sent to another worker/ });
    await assert.rejects(sends(fixture.other, "peer", [1]), STATE);
    await assert.rejects(
      fixture.other.call(({ hand }, { kept }) => hand.putSync(kept.peer as Connection)),
      { ...STATE, message: /sent away before/ },
    );
    await fixture.third.call(async ({ hand }, { kept }) => {
      kept.peer = await hand.get();
    });
    const rest = await receives(fixture.third, "peer", 2);
    assert.deepEqual([rest[0], String(rest[1]).length], [2, 5000]);
    await sends(fixture.third, "peer", ["from the third"]);
    assert.deepEqual(await receives(fixture.subject, "end", 1), ["from the third"]);
    // And back, where it is the object that it was.
    await fixture.third.call(({ hand }, { kept }) => hand.putSync(kept.peer as Connection));
    assert.equal(await fixture.other.call(async ({ hand }, { kept }) => kept.peer === (await hand.get())), true);
    await sends(fixture.other, "peer", ["back"]);
    assert.deepEqual(await receives(fixture.subject, "end", 1), ["back"]);
  });

  check("an end stays where it is when sending it fails", async () => {
    await open({ capacity: 100 });
    const got = await fixture.subject.call(async ({ hand }, { allcores, kept }, send) => {
      const [own, other] = allcores.createPipe<unknown>({ across: hand.across });
      const end = kept.end as Connection;
      end.trySend("x".repeat(90));
      const results: unknown[] = [end.trySend(own)];
      for (const value of [own, [own, new Uint8Array(5000)], [own, () => 1]]) {
        try {
          await end[send](value, { timeout: 5 });
        } catch (error) {
          results.push((error as { code: string }).code);
        }
      }
      own.sendSync("usable");
      return [...results, other.recvSync()] as Json[];
    }, send);
    assert.deepEqual(got, [false, TIMEOUT.code, TIMEOUT.code, "ERR_ALLCORES_UNSENDABLE", "usable"]);
  });

  check("an end is refused where nobody could ever receive it, and while somebody waits at it", async () => {
    await open();
    const codes = await fixture.subject.call(async ({ hand }, { allcores, kept }) => {
      const end = kept.end as Connection;
      const [left, right] = allcores.createPipe({ across: hand.across });
      const codeOf = (fn: () => unknown): string => {
        try {
          fn();
          return "sent";
        } catch (error) {
          return (error as { code: string }).code;
        }
      };
      const through = [codeOf(() => left.trySend(left)), codeOf(() => left.trySend([right]))];
      const controller = new AbortController();
      const receiving = left.recv({ signal: controller.signal }).catch(() => {});
      const waiting = codeOf(() => end.trySend(left));
      controller.abort();
      await receiving;
      return [...through, waiting, codeOf(() => end.trySend(left)), codeOf(() => end.trySend(right))];
    });
    assert.deepEqual(codes, ["ERR_ALLCORES_STATE", "ERR_ALLCORES_STATE", "ERR_ALLCORES_STATE", "sent", "sent"]);
  });

  if (!fixture.blocking) {
    check("callers that wait at one end are served in their order", async () => {
      await open();
      const receiving = fixture.other.call(async (_, { kept }) => {
        const peer = kept.peer as Connection;
        return (await Promise.all([peer.recv(), peer.recv(), peer.recv()])) as Json[];
      });
      await sends(fixture.subject, "end", [1, 2, 3]);
      assert.deepEqual(await receiving, [1, 2, 3]);
    });

    check("a wait that is aborted takes and sends nothing", async () => {
      await open({ capacity: 10 });
      const got = await fixture.other.call(async (_, { kept }) => {
        const peer = kept.peer as Connection;
        const abort = new AbortController();
        const receiving = peer.recv({ signal: abort.signal });
        const next = peer.recv();
        setTimeout(() => abort.abort(new Error("enough")), 5);
        const reason = await receiving.catch((error: Error) => error.message);
        kept.next = next;
        peer.trySend("x".repeat(9));
        const sending = peer.send("y".repeat(9), { signal: AbortSignal.timeout(5) });
        return [reason, await sending.catch((error: Error) => error.name)];
      });
      assert.deepEqual(got, ["enough", "TimeoutError"]);
      await sends(fixture.subject, "end", [1]);
      assert.equal(await fixture.other.call((_, { kept }) => kept.next as Promise<Json>), 1);
      assert.deepEqual(await receives(fixture.subject, "end", 1), ["x".repeat(9)]);
      assert.equal(await tryReceives(fixture.subject, "end"), null);
    });

    check("closing this end ends the waits of this worker", async () => {
      await open();
      const codes = await fixture.subject.call(async (_, { kept }) => {
        const end = kept.end as Connection;
        const waits = [end.recv(), end.recv(), end.poll({ timeout: timeLimit(5000) })].map((wait) =>
          wait.then(String, (error: { code: string }) => error.code),
        );
        end.close();
        return await Promise.all(waits);
      });
      assert.deepEqual(codes, Array(3).fill(CLOSED.code));
    });
  }
};

/** What the death of a worker leaves at the other end. */
export const pipeDeathContract: Check<PipeObjects> = (fixture: Fixture<PipeObjects>, check) => {
  if (!fixture.apart) return;
  const recv = fixture.verb("recv");
  const send = fixture.verb("send");

  /** A pipe between the subject and a worker that is going to die. */
  const openTo = async (victim: Director<PipeObjects>, options: PipeOptions = {}) => {
    await fixture.subject.call(({ hand }, { allcores, kept }, options) => {
      const [end, peer] = allcores.createPipe({ across: hand.across, ...options });
      kept.end = end;
      hand.putSync(peer as Connection);
    }, options);
    await victim.call(async ({ hand }, { kept }) => {
      kept.peer = await hand.get();
    });
  };
  /** Milliseconds until the subject's wait ends with ConnectionClosedError. */
  const timeToHear = (verb: typeof recv | typeof send, value: Json = null) =>
    fixture.subject.call(
      async (_, { kept }, verb, value) => {
        const start = performance.now();
        try {
          for (;;)
            await (value === null
              ? (kept.end as Connection)[verb as "recv"]()
              : (kept.end as Connection)[verb as "send"](value));
        } catch (error) {
          if ((error as { code?: string }).code !== "ERR_ALLCORES_CONNECTION_CLOSED") throw error;
          return performance.now() - start;
        }
      },
      verb,
      value,
    );

  check("a receiver hears within a second that its sender was killed, after everything that was sent", async () => {
    const victim = fixture.victim();
    await openTo(victim);
    await victim.call(async (_, { kept }, send) => {
      await (kept.peer as Connection)[send](1);
      await (kept.peer as Connection)[send]("x".repeat(5000));
    }, send);
    await victim.kill();
    const got = await fixture.subject.call(
      async (_, { kept }, recv) =>
        [await (kept.end as Connection)[recv](), String(await (kept.end as Connection)[recv]()).length] as Json[],
      recv,
    );
    assert.deepEqual(got, [1, 5000]);
    assert.ok((await timeToHear(recv)) < 1000);
  });

  check("a wait that has begun ends too: for a message, and for room", async () => {
    const victim = fixture.victim();
    await openTo(victim, { capacity: 20 });
    const receiving = timeToHear(recv);
    await victim.kill();
    await receiving;
    const second = fixture.victim();
    await openTo(second, { capacity: 20 });
    const sending = timeToHear(send, "0123456789");
    await second.kill();
    await sending;
  });

  check("a worker that ends in its own time closes its end", async () => {
    const victim = fixture.victim();
    await openTo(victim);
    await victim.call(async (_, { kept }) => {
      await (kept.peer as Connection).send("last");
    });
    await victim.end();
    assert.equal(await fixture.subject.call((_, { kept }) => (kept.end as Connection).recv() as Promise<Json>), "last");
    assert.ok((await timeToHear(recv)) < 1000);
  });

  check("a sender killed in mid-message leaves whole messages only", async () => {
    const victim = fixture.victim();
    await openTo(victim);
    const sizes = [3, 900, 5_000, 300_000];
    const sending = victim
      .call((_, { kept }, sizes) => {
        for (let index = 0; ; index++)
          (kept.peer as Connection).sendSync({
            index,
            bytes: new Uint8Array(sizes[index % sizes.length]!).fill(index),
          });
      }, sizes)
      .catch(() => {});
    const receiving = fixture.subject.call(
      async ({ event }, { kept }, recv, sizes) => {
        let count = 0;
        try {
          for (; ; count++) {
            if (count === 50) event.set();
            const { index, bytes } = (await (kept.end as Connection)[recv]()) as { index: number; bytes: Uint8Array };
            if (
              index !== count ||
              bytes.length !== sizes[index % sizes.length] ||
              bytes.some((byte) => byte !== (index & 0xff))
            )
              return `torn: ${index}`;
          }
        } catch (error) {
          return (error as { code: string }).code;
        }
      },
      recv,
      sizes,
    );
    await fixture.objects.event.wait();
    await victim.kill();
    assert.equal(await receiving, CLOSED.code);
    await sending;
  });

  check("a receiver killed at any moment: its sender hears of it", async () => {
    const victim = fixture.victim();
    await openTo(victim);
    const receiving = victim
      .call(({ event }, { kept }) => {
        for (let count = 0; ; count++) {
          (kept.peer as Connection).recvSync();
          if (count === 50) event.set();
        }
      })
      .catch(() => {});
    const sending = timeToHear(send, "x".repeat(3000));
    await fixture.objects.event.wait();
    await victim.kill();
    await sending;
    await receiving;
  });
};
