/** Heaps of other programs: how they are found, when they are refused, and what that leaves open. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { type Lock, pack, Thread, unpack, Value } from "allcores";
import { createArena } from "../../src/memory/arena.js";
import { HEADER, processHeap, processHeapOf } from "../../src/memory/index.js";
import "../../src/parking/index.js";
import { Peer } from "../fixtures/peers.js";
import { memoryFilesHere } from "../fixtures/shared-data.js";

const program = join(import.meta.dirname, "../fixtures/programs/peer.js");
const refused = (code: string, message?: RegExp) => ({ code: `ERR_ALLCORES_${code}`, ...(message && { message }) });
const openFiles = (): number => fs.readdirSync("/proc/self/fd").length;
const processes = { across: "processes" } as const;

/** A memory file with a header of its own making, closed afterwards; nothing else may be left open. */
function withFile(change: (header: Int32Array) => void, check: (heapId: number, descriptor: number) => void): void {
  processHeap();
  const before = openFiles();
  const { heapId, descriptor } = createArena(false);
  const header = new Int32Array(HEADER.arenaGuard);
  fs.readSync(descriptor, header, 0, header.byteLength, 0);
  change(header);
  fs.writeSync(descriptor, header, 0, header.byteLength, 0);
  check(heapId, descriptor);
  assert.equal(openFiles(), before + 1);
  fs.closeSync(descriptor);
}

test("a heap of another version is refused", () =>
  withFile(
    (header) => (header[HEADER.version] = 99),
    (id, descriptor) => {
      assert.throws(() => processHeapOf(id), refused("ATTACH", /another version/));
      assert.throws(() => processHeapOf(id, { pid: process.pid, descriptor }), refused("ATTACH", /another version/));
    },
  ));

test("a heap of another pid namespace is refused", () =>
  withFile(
    (header) => header[HEADER.pidNamespace]!++,
    (id) => assert.throws(() => processHeapOf(id), refused("ATTACH", /pid namespace/)),
  ));

test("a file that is no heap, not ready, or of another id is passed over", () => {
  for (const change of [(header: Int32Array) => header.fill(0), (header: Int32Array) => header[HEADER.heapId]!--]) {
    withFile(change, (id, descriptor) => assert.equal(processHeapOf(id, { pid: process.pid, descriptor }), undefined));
  }
  withFile(
    () => {},
    (id, descriptor) => {
      fs.ftruncateSync(descriptor, 4096);
      assert.equal(processHeapOf(id, { pid: process.pid, descriptor }), undefined);
    },
  );
  for (const likely of [
    { pid: process.pid, descriptor: 0 },
    { pid: process.pid, descriptor: 999 },
    { pid: 2 ** 30, descriptor: 3 },
    { pid: -1, descriptor: -1 },
  ]) {
    const before = openFiles();
    assert.equal(processHeapOf(5, likely), undefined);
    assert.equal(openFiles(), before);
  }
});

test("a file of another user is passed over", { skip: process.geteuid?.() !== 0 }, () =>
  withFile(
    () => {},
    (id, descriptor) => {
      fs.fchownSync(descriptor, 65534, 65534);
      assert.equal(processHeapOf(id), undefined);
    },
  ),
);

test("a process of another user hears of it", { skip: process.geteuid?.() !== 0 }, () => {
  const message = JSON.stringify(pack(new Value("int32", 1, processes)));
  const { stdout, stderr } = spawnSync(process.execPath, [program, "fails", message], {
    uid: 65534,
    encoding: "utf8",
    input: "",
  });
  const { value } = JSON.parse(stdout || `{ "value": "${stderr}" }`);
  assert.deepEqual({ code: value.code, left: value.left }, { code: "ERR_ALLCORES_ATTACH", left: 0 });
  assert.match(value.text, /process of user 0, this one runs as user 65534/);
});

const unshare = ["--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"];
const canUnshare = spawnSync("unshare", [...unshare, "true"]).status === 0;

test("a process of another pid namespace hears of it", { skip: !canUnshare }, () => {
  const message = JSON.stringify(pack(new Value("int32", 1, processes)));
  const { stdout } = spawnSync("unshare", [...unshare, process.execPath, program, "fails", message], {
    encoding: "utf8",
    input: "",
  });
  const { value } = JSON.parse(stdout);
  assert.deepEqual({ code: value.code, left: value.left }, { code: "ERR_ALLCORES_ATTACH", left: 0 });
  assert.match(value.text, /another pid namespace/);
});

test("a heap is opened and mapped once, however often its objects arrive, in however many threads", async () => {
  const peer = new Peer("fork, json");
  after(() => peer.kill());
  const theirs = unpack<{ lock: Lock; count: Value<number> }>(await peer.call("make"));
  assert.equal((await peer.call("memoryFiles")).length, 1);
  const value = new Value("int32", 0, processes);
  await peer.call("unpack", pack(value));
  const [files, mappings] = [await peer.call("openFiles"), await peer.call("mappings")];
  assert.equal((await peer.call("memoryFiles")).length, 2);
  for (let time = 0; time < 20; time++)
    await peer.call("unpack", pack([value, new Value("int32", time, processes), theirs]));
  assert.deepEqual([await peer.call("openFiles"), await peer.call("mappings")], [files, mappings]);

  const before = memoryFilesHere();
  const { incrementAll } = await import("../fixtures/shared-data.js");
  const threads = [0, 1, 2].map(() => Thread.start(incrementAll, [theirs.count], 100));
  for (const thread of threads) assert.deepEqual(await thread.join(), before);
  assert.equal(theirs.count.value, 307);
});

test("a child of a child finds what neither made", async () => {
  const peer = new Peer("fork, json");
  after(() => peer.kill());
  const theirs = unpack<{ count: Value<number> }>(await peer.call("make"));
  const { Process } = await import("allcores");
  const { incrementAll } = await import("../fixtures/shared-data.js");
  const files = (await Process.start(incrementAll, [theirs.count], 100).join()) as string[];
  assert.equal(files.length, 2);
  assert.equal(theirs.count.value, 107);
});
