/**
 * Ends of pipes inside the items of queues: with whom they go when somebody dies, or when nobody takes them any more.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Connection, createPipe, Event, LifoQueue, PriorityQueue, Process, Queue, Thread } from "allcores";
import { putEnd, type SomeQueue } from "../fixtures/queue-tasks.js";
import { waitersOf } from "../fixtures/waiters.js";
import { timeLimit } from "../time-limit.js";

const CLOSED = { code: "ERR_ALLCORES_CONNECTION_CLOSED" };
const SOON = { timeout: timeLimit(20_000) };
/** Where the words of a queue say that a putter may wait. */
const PUTTERS = 35;
type Carried = { end: Connection; rest: Buffer };

async function until(condition: () => boolean): Promise<void> {
  for (
    const end = performance.now() + timeLimit(10_000);
    !condition();
    await new Promise((resolve) => setTimeout(resolve, 2))
  )
    if (performance.now() > end) throw new Error(`never came true: ${condition}`);
}

for (const across of ["threads", "processes"] as const)
  for (const Class of [Queue, LifoQueue, PriorityQueue])
    for (const bytes of [0, 5000])
      describe(`Ends of pipes in a ${Class.name} across ${across}, in ${bytes === 0 ? "short" : "long"} items`, () => {
        const start = (queue: SomeQueue<Carried>, end: Connection, said: Event, blocks: boolean): Thread | Process =>
          across === "threads"
            ? (Thread.start(putEnd, queue, end, bytes, said, blocks) as never)
            : (Process.start(putEnd, queue, end, bytes, said, blocks) as never);
        const make = (maxSize = 0) => new Class<unknown>({ across, maxSize }) as unknown as SomeQueue<unknown>;
        const kill = async (worker: Thread | Process) => {
          worker.kill();
          await worker.join().catch(() => {});
        };

        for (const blocks of [true, false]) {
          const who = blocks ? "a blocking putter" : "an awaiting putter";
          test(`${who} that dies before there was room takes the end along`, async () => {
            const queue = make(1);
            queue.putSync(0, { priority: 0 });
            const [here, there] = createPipe<string>({ across });
            const said = new Event({ across });
            const worker = start(queue as SomeQueue<Carried>, there as Connection, said, blocks);
            await said.wait();
            await until(() => waitersOf(queue, PUTTERS) === 1);
            const told = assert.rejects(here.recv(SOON), CLOSED);
            await kill(worker);
            await told;
            assert.equal(await queue.get(), 0);
            assert.equal(queue.isEmpty, true);
          });

          test(`what ${who} has put outlives it`, async () => {
            const queue = make();
            const [here, there] = createPipe<string>({ across });
            const said = new Event({ across });
            const worker = start(queue as SomeQueue<Carried>, there as Connection, said, blocks);
            await until(() => !queue.isEmpty);
            // Past the put, and never back in its loop: nothing that it would do later is needed.
            await said.wait();
            await kill(worker);
            here.sendSync("still there");
            const { end } = (await queue.get()) as Carried;
            assert.equal(end.recvSync(SOON), "still there");
            end.sendSync("so am I");
            assert.equal(here.recvSync(SOON), "so am I");
            end.close();
            assert.throws(() => here.recvSync(SOON), CLOSED);
          });
        }

        test("an end that was not put is its sender's again", async () => {
          const queue = make(1);
          queue.putSync(0, { priority: 0 });
          const [here, there] = createPipe<string>({ across });
          assert.equal(queue.tryPut({ end: there, rest: Buffer.alloc(bytes) }, { priority: 0 }), false);
          await assert.rejects(queue.put({ end: there, rest: Buffer.alloc(bytes) }, { priority: 0, timeout: 5 }), {
            code: "ERR_ALLCORES_TIMEOUT",
          });
          there.sendSync("back" as never);
          assert.equal(here.recvSync(SOON), "back");
        });

        test("an end in a queue that nobody has any more is gone with it", async () => {
          const queue = make();
          const [here, there] = createPipe<string>({ across });
          const [kept, taken] = createPipe<string>({ across });
          queue.putSync({ end: taken, rest: Buffer.alloc(bytes) }, { priority: 0 });
          const { end } = queue.getSync() as Carried;
          queue.putSync(1, { priority: 1 });
          queue.putSync({ end: there, rest: Buffer.alloc(bytes) }, { priority: 1 });
          queue.putSync("and more", { priority: 1 });
          const told = assert.rejects(here.recv(SOON), CLOSED);
          queue.free();
          await told;
          // One that was taken out before is not.
          end.sendSync("unharmed");
          assert.equal(kept.recvSync(SOON), "unharmed");
        });

        test("an end in an item that a shutdown drops is gone", async () => {
          const queue = make();
          const [here, there] = createPipe<string>({ across });
          queue.putSync({ end: there, rest: Buffer.alloc(bytes) }, { priority: 0 });
          const told = assert.rejects(here.recv(SOON), CLOSED);
          queue.shutdown({ immediate: true });
          await told;
          await queue.join();
        });
      });
