import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  Barrier,
  BoundedSemaphore,
  Condition,
  CountDownLatch,
  createPipe,
  Event,
  Lock,
  pack,
  Queue,
  RLock,
  RWLock,
  Semaphore,
  serve,
  SharedArray,
  SharedMemory,
  Struct,
  unpack,
  Value,
} from "allcores";
import { Peer, type PeerKind } from "../fixtures/peers.js";
import { timeLimit } from "../time-limit.js";

const processes = { across: "processes" } as const;
const refused = (code: string, message?: RegExp) => ({ code: `ERR_ALLCORES_${code}`, ...(message && { message }) });
const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

async function withPeer<R>(kind: PeerKind, work: (peer: Peer) => Promise<R>): Promise<R> {
  const peer = new Peer(kind);
  try {
    return await work(peer);
  } finally {
    await peer.kill();
  }
}

test("what is packed arrives through JSON and through structured clone", () => {
  const lock = new Lock({ ...processes, label: "a" });
  const date = new Date(5);
  const value = {
    deep: [{ lock }, new Map([[1n, new Set([lock])]])],
    undefined: undefined,
    date,
    bytes: Buffer.from("abc"),
    text: "日本語 😀",
  };
  for (const carry of [json, structuredClone]) {
    const arrived = unpack<typeof value>(carry(pack(value)));
    assert.deepEqual({ ...arrived, deep: [] }, { ...value, deep: [] });
    assert.equal((arrived.deep[0] as { lock: Lock }).lock, lock);
    assert.ok((arrived.deep[1] as Map<bigint, Set<Lock>>).get(1n)?.has(lock));
  }
  lock.free();
});

test("every kind of shared object is packed, of each reach", () => {
  for (const across of ["threads", "processes", "machine"] as const) {
    const reach = { across };
    const lock = new RLock(reach);
    const objects = [
      new Lock(reach),
      lock,
      new Condition(lock),
      new Semaphore(1, reach),
      new BoundedSemaphore(1, reach),
      new Event(reach),
      new Barrier(2, reach),
      new CountDownLatch(2, reach),
      new RWLock(reach),
      new Value("int32", 1, reach),
      new SharedArray("int8", 3, reach),
      new Struct({ x: "int8" }, { x: 1 }, reach),
      new SharedMemory(8, reach),
      new Queue(reach),
    ];
    const arrived = unpack<unknown[]>(structuredClone(pack(objects)));
    for (const [index, object] of objects.entries()) {
      assert.equal(arrived[index], object);
      assert.equal(object.across, across);
    }
    for (const object of objects) object.free();
  }
});

test("a message may be unpacked any number of times, or never", () => {
  const value = new Value("int32", 3, processes);
  for (let time = 0; time < 100; time++) pack(value);
  const message = pack({ value });
  for (let time = 0; time < 3; time++) assert.equal(unpack(message).value, value);
  value.free();
  assert.throws(() => unpack(message), refused("FREED"));
});

test("what is packed is kept until it is freed, not only while somebody looks at it", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const messages = [0, 1, 2].map((number) => pack(new Value("int32", number, processes)));
  const forgotten = new WeakRef((() => new Value("int32", 0, processes))());
  // Until one that was not packed is gone.
  while (forgotten.deref() !== undefined) {
    await new Promise((done) => setImmediate(done));
    collect();
  }
  await new Promise((done) => setImmediate(done));
  for (const [number, message] of messages.entries()) {
    const value = unpack(message);
    assert.equal(value.value, number);
    value.free();
    assert.throws(() => unpack(message), refused("FREED"));
  }
});

test("to: processes refuses at once what reaches across threads only", () => {
  const value = { deep: [new Lock()] };
  assert.throws(() => pack(value, { to: "processes" }), { ...refused("REACH"), path: "value.deep[0]" });
  pack(value, { to: "threads" });
  assert.throws(() => pack(value, { to: "planets" as never }), refused("ARGUMENT_TYPE"));
  assert.throws(() => pack(() => 1), refused("UNSENDABLE"));
});

test("an end of a pipe, which has one holder at a time, is refused and stays what it was", () => {
  const [left, right] = createPipe<number>(processes);
  assert.throws(() => pack({ left }), refused("ARGUMENT_TYPE", /a Connection passes from one holder to the next/));
  left.sendSync(1);
  assert.equal(right.recvSync(), 1);
  left.close();
  right.close();
});

test("views of shared memory are packed as views of the same memory", () => {
  const memory = new SharedMemory(8, processes);
  const view = unpack<Uint8Array>(json(pack(memory.view("uint8", 2))));
  view[0] = 7;
  assert.equal(memory.bytes[2], 7);
  memory.free();
});

test("what pack did not make is refused", () => {
  const good = json(pack(new Value("int32", 1, processes))) as Record<string, unknown>;
  for (const bad of [
    undefined,
    null,
    1,
    "x",
    {},
    [],
    { allcores: 1 },
    { ...good, bytes: 5 },
    { ...good, heaps: 1 },
    { ...good, heaps: [[1]] },
    { ...good, from: [1] },
  ])
    assert.throws(() => unpack(bad), refused("ARGUMENT_TYPE"));
  assert.throws(() => unpack({ ...good, allcores: 99 }), refused("ATTACH", /another version/));
  assert.throws(() => unpack({ ...good, bytes: "AAAA" }), refused("CORRUPT"));
});

for (const kind of ["fork, json", "fork, advanced", "cluster", "thread"] as const) {
  describe(`by ${kind}`, () => {
    test("an object of ours works there, blocking and awaiting", () =>
      withPeer(kind, async (peer) => {
        const shared = { lock: new Lock(processes), count: new Value("int32", 0, processes) };
        await Promise.all([peer.call("count", pack(shared), 500), peer.call("countAwaiting", pack(shared), 500)]);
        assert.equal(shared.count.value, 1000);
        shared.lock.free();
        shared.count.free();
      }));

    test("an object of theirs works here", () =>
      withPeer(kind, async (peer) => {
        const made = unpack<{ lock: Lock; count: Value<number>; queue: Queue; condition: Condition }>(
          await peer.call("make"),
        );
        assert.deepEqual(await made.queue.get(), ["from", peer.pid]);
        assert.equal(made.lock.label, "theirs");
        assert.equal(made.condition.lock, made.lock);
        assert.equal(await peer.call("count", pack({ lock: made.lock, count: made.count }), 3), 10);
        assert.equal(made.count.value, 10);
        // What is made beside an object of theirs stands in their memory too.
        made.count.lock.runSync(() => made.count.add(1));
        const own = new Condition(made.lock);
        assert.equal(unpack<Condition>(json(pack(own))), own);
        assert.equal(made.count.value, 11);
        for (const object of Object.values(made)) object.free();
      }));

    test("one that waits there is woken from here, and the other way round", () =>
      withPeer(kind, async (peer) => {
        const queue = new Queue(processes);
        const message = pack(queue);
        const got = peer.call("get", message);
        await queue.put("ping");
        assert.equal(await got, "ping");
        const answer = queue.get();
        await peer.call("put", message, "pong");
        assert.equal(await answer, "pong");
        queue.free();
      }));

    test("whoever dies holding a lock passes it on", () =>
      withPeer(kind, async (peer) => {
        const lock = new Lock(processes);
        await peer.call("hold", pack(lock));
        assert.ok(lock.isLocked);
        const waiting = lock.acquire({ timeout: timeLimit(10_000) });
        await peer.kill();
        using held = await waiting;
        assert.equal(held.ownerDied, true);
        lock.free();
      }));

    test("the packer may free its own hold once it arrived", () =>
      withPeer(kind, async (peer) => {
        const value = new Value("int32", 5, processes);
        const message = pack(value);
        await peer.call("unpack", message);
        value.free();
        assert.equal(await peer.call("value", message), 5);
        await peer.call("free", message);
        // In a thread it was one hold of another worker: this one has none any more either.
        assert.throws(() => unpack(message), refused("FREED"));
      }));
  });
}

test("one message goes to four workers of node:cluster, which count exactly", async () => {
  const shared = { lock: new Lock(processes), count: new Value("int32", 0, processes) };
  const message = pack(shared, { to: "processes" });
  const peers = [0, 1, 2, 3].map(() => new Peer("cluster"));
  try {
    await Promise.all(
      peers.flatMap((peer) => [peer.call("count", message, 500), peer.call("countAwaiting", message, 100)]),
    );
    assert.equal(shared.count.value, 2400);
  } finally {
    await Promise.all(peers.map((peer) => peer.kill()));
  }
  shared.lock.free();
  shared.count.free();
});

test("objects of one program go through a queue of another's to a third", () =>
  withPeer("fork, json", (maker) =>
    withPeer("fork, advanced", async (peer) => {
      const { queue } = unpack<{ queue: Queue }>(await maker.call("make"));
      await queue.get();
      await peer.call("putOwn", pack(queue as Queue<Value<number>>));
      const value = (await queue.get()) as Value<number>;
      assert.equal(value.value, 11);
      assert.equal(await maker.call("value", pack(value)), 11);
      value.free();
      queue.free();
    }),
  ));

test("a served object is called from a process of another program", () =>
  withPeer("fork, json", async (peer) => {
    const served = serve({ twice: (n: number) => n * 2 }, processes);
    assert.equal(await peer.call("callTwice", pack(served), 21), 42);
    served[Symbol.dispose]();
  }));

test("threads share what reaches across threads only, even one that has a heap of its own", () =>
  withPeer("thread", async (peer) => {
    const first = { lock: new Lock(), count: new Value("int32", 0) };
    assert.equal(await peer.call("count", pack(first), 3), 3);
    assert.equal(first.count.value, 3);
  }));

test("an object across threads only that arrives in a process is refused there by name", () =>
  withPeer("fork, json", async (peer) => {
    assert.match(
      JSON.stringify(await peer.call("fails", json(pack([new Lock()])))),
      /AttachError.*ERR_ALLCORES_ATTACH.*a Lock reaches across threads only/,
    );
  }));

test("after its program's end an object's memory stays with those who have it, and is refused to others", async () => {
  const [maker, peer] = [new Peer("fork, json"), new Peer("fork, json")];
  try {
    const message = await maker.call("make");
    const here = unpack<{ count: Value<number> }>(message);
    await maker.kill();
    assert.equal(here.count.value, 7);
    // Found at this process, since its maker is gone.
    const again = pack(here.count);
    assert.equal(await peer.call("value", again), 7);
    const other = new Peer("fork, json");
    const lost = await other.call("make");
    await other.kill();
    const failed = await peer.call("fails", lost);
    assert.equal(failed?.code, "ERR_ALLCORES_ATTACH");
    assert.match(failed!.text, new RegExp(`process ${other.pid}, which has ended`));
    assert.equal(failed!.left, 0);
  } finally {
    await Promise.all([maker.kill(), peer.kill()]);
  }
});
