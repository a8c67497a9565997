/** What maps and lists give back. No other worker runs here, so the heap's words in use are exactly this test's. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Event, Lock, SharedList, SharedMap } from "allcores";
import { usedWordsBeside } from "../fixtures/queue-insides.js";

for (const across of ["threads", "processes"] as const) {
  describe(`memory across ${across}`, () => {
    const witness = new Event({ across });
    const used = () => usedWordsBeside(witness);
    /** What `work` leaves in use when it is done for the second time: the first warms up what stays. */
    const leftBy = (work: () => void) => {
      work();
      const before = used();
      work();
      return used() - before;
    };

    test("10000 maps opened and freed give back everything", () => {
      const open = (index: number) => {
        const map = SharedMap.open<number>("one of many", { across, maxBytes: 10_000 });
        map.set("key", index);
        map.free();
      };
      open(0);
      const before = used();
      const resident = process.memoryUsage().rss;
      for (let index = 0; index < 10_000; index++) open(index);
      assert.equal(used() - before, 0);
      assert.ok(
        process.memoryUsage().rss - resident < 100e6,
        `${(process.memoryUsage().rss - resident) / 1e6} MB more`,
      );
    });

    test("a chain of maps and lists longer than the stack is deep gives back everything", () => {
      const left = leftBy(() => {
        let inner: SharedMap<unknown> | SharedList<unknown> = new SharedMap({ across });
        for (let depth = 0; depth < 20_000; depth++) {
          const outer: SharedMap<unknown> | SharedList<unknown> =
            depth % 2 === 0 ? new SharedList({ across }) : new SharedMap({ across });
          if (outer instanceof SharedMap) outer.set("inner", inner);
          else outer.push(inner);
          inner.free();
          inner = outer;
        }
        inner.free();
      });
      assert.equal(left, 0);
    });

    test("a map freed with all kinds of entries gives back everything", () => {
      const left = leftBy(() => {
        const map = new SharedMap<unknown>({ across });
        for (let index = 0; index < 3000; index++)
          map.set(
            `key ${index}`,
            index % 50 === 0 ? "x".repeat(5000 + index) : index,
            index % 3 === 0 ? { ttl: 3_600_000 } : undefined,
          );
        for (let index = 0; index < 3000; index += 7) map.delete(`key ${index}`);
        map.free();
      });
      assert.equal(left, 0);
    });

    test("clear, delete and replacing leave nothing behind", () => {
      const map = new SharedMap<unknown>({ across });
      const left = leftBy(() => {
        for (let index = 0; index < 1000; index++) map.set(`key ${index}`, index);
        for (let index = 0; index < 1000; index++) map.set(`key ${index}`, "x".repeat(index * 9));
        for (let index = 0; index < 500; index++)
          map.update(`key ${index}`, () => (index % 2 === 0 ? undefined : [index]));
        map.clear();
      });
      assert.equal(left, 0);
      map.free();
    });

    test("what was refused or lost a race leaves nothing behind", () => {
      const map = new SharedMap<unknown>({ across, maxBytes: 20_000 });
      const lock = new Lock({ across });
      const item = (bytes: number, more?: unknown) => ({ lock, bytes: new Uint8Array(bytes), more });
      map.set("a", 1);
      const left = leftBy(() => {
        for (const bytes of [10, 3000, 6000]) {
          assert.throws(
            () =>
              map.set(
                "a",
                item(bytes, () => 1),
              ),
            { code: "ERR_ALLCORES_UNSENDABLE" },
          );
          assert.throws(() => map.set(5 as never, item(bytes)), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
          assert.throws(() => map.set("a", item(bytes + 20_000)), { code: "ERR_ALLCORES_TOO_LARGE" });
          assert.equal(map.compareAndSet("a", item(bytes), item(bytes)), false);
          let runs = 0;
          map.update("b", () => {
            if (runs++ === 0) map.set("b", 1);
            return item(bytes);
          });
          map.delete("b");
        }
      });
      assert.equal(left, 0);
      const before = used();
      lock.free();
      assert.ok(used() < before, "the lock was held by a refused value");
      map.free();
    });

    test("shared objects in values are let go of: replaced, taken out, evicted or freed with their map", () => {
      const work: Record<string, (map: SharedMap<unknown>) => void> = {
        replaced: (map) => map.set("a", 1),
        "taken out": (map) => map.delete("a"),
        cleared: (map) => map.clear(),
        evicted: (map) => {
          for (let index = 0; index < 2000; index++) map.set(`key ${index}`, index);
        },
        freed: () => {},
      };
      for (const [how, end] of Object.entries(work)) {
        for (const bytes of [10, 5000]) {
          const left = leftBy(() => {
            const map = new SharedMap<unknown>({ across, maxBytes: 50_000 });
            const lock = new Lock({ across });
            map.set("a", [lock, lock, new Uint8Array(bytes)]);
            for (let reads = 0; reads < 3; reads++) assert.equal((map.get("a") as Lock[])[0], lock);
            end(map);
            lock.free();
            map.free();
          });
          assert.equal(left, 0, how);
        }
      }
    });

    test("10000 lists, and all that was in them", () => {
      const left = leftBy(() => {
        for (let index = 0; index < 5000; index++) {
          const list = new SharedList<unknown>({ across });
          list.push(index, "x");
          list.shift();
          list.free();
        }
        const list = new SharedList<unknown>({ across });
        for (let index = 0; index < 3000; index++) list.push(index % 50 === 0 ? new Uint8Array(6000) : index);
        for (let index = 0; index < 500; index++) list.splice(index, 2, index);
        for (let index = 0; index < 500; index++) list.set(index, [index]);
        while (list.length > 100) list.pop();
        const lock = new Lock({ across });
        list.push(lock, { lock });
        assert.equal(list.pop() !== undefined, true);
        lock.free();
        list.free();
      });
      assert.equal(left, 0);
    });
  });
}
