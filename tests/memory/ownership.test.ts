/** Memory between processes is its user's alone, and stands in no directory. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Event, Lock, ProcessPool, Queue, SharedMap } from "../../src/index.js";
import { processHeap } from "../../src/memory/index.js";
import * as tasks from "../fixtures/pool-tasks.js";

const asRoot = { skip: process.geteuid?.() !== 0 };
const kept: unknown[] = [new Lock({ across: "processes" }), new Queue({ across: "processes" })];
after(() => kept.splice(0));

/** What a process of nobody's gets who opens the path; undefined when it may. */
function refusalOfNobody(path: string): string | undefined {
  const script = `try { require("fs").openSync(${JSON.stringify(path)}, "r"); console.log("opened"); } catch (error) { console.log(error.code); }`;
  const { stdout } = spawnSync(process.execPath, ["-e", script], {
    uid: 65534,
    gid: 65534,
    encoding: "utf8",
    cwd: "/",
  });
  const said = stdout.trim();
  return said === "opened" ? undefined : said;
}

test("a memory file has mode 0600, this user's, and no name", () => {
  const { descriptor } = processHeap();
  const { mode, uid, nlink } = fs.fstatSync(descriptor);
  assert.equal(mode & 0o777, 0o600);
  assert.equal(uid, process.geteuid?.());
  assert.equal(nlink, 0);
  assert.match(fs.readlinkSync(`/proc/self/fd/${descriptor}`), /^\/memfd:.* \(deleted\)$/);
});

test("another user opens neither that file nor what maps it", asRoot, () => {
  const { descriptor } = processHeap();
  const path = `/proc/${process.pid}/fd/${descriptor}`;
  assert.match(refusalOfNobody(path) ?? "opened", /^E(ACCES|PERM)$/);
  const maps = fs.readFileSync("/proc/self/maps", "latin1").split("\n");
  const range = maps.find((line) => line.includes("/memfd:"))!.split(" ")[0]!;
  assert.match(
    refusalOfNobody(`/proc/${process.pid}/map_files/${range.replaceAll(/(^|-)0+(?=.)/g, "$1")}`) ?? "opened",
    /^E(ACCES|PERM)$/,
  );
  // What was refused is there for its own user, and nobody can open what is for everybody.
  assert.equal(refusalOfNobody("/dev/null"), undefined);
  fs.closeSync(fs.openSync(path, "r"));
});

test("the doorbells of who awaits across processes are pipes without a name", async () => {
  const event = new Event({ across: "processes" });
  const waiting = event.wait();
  const links = fs.readdirSync("/proc/self/fd").flatMap((name) => {
    try {
      const path = `/proc/self/fd/${name}`;
      return fs.fstatSync(Number(name)).isFIFO() ? [fs.readlinkSync(path)] : [];
    } catch {
      return [];
    }
  });
  assert.ok(links.length > 0);
  for (const link of links) assert.match(link, /^pipe:\[\d+\]$/);
  event.set();
  await waiting;
});

test("nothing that a program shares has a name in a directory", async () => {
  const places = ["/dev/shm", tmpdir(), process.cwd()];
  const entries = () => places.map((place) => new Set(fs.readdirSync(place)));
  const before = entries();
  await using pool = new ProcessPool({ workers: 2 });
  kept.push(SharedMap.open("ownership test"), SharedMap.open("ownership test of the machine", { across: "machine" }));
  await pool.map(tasks.square, [1, 2, 3]).settled();
  for (const [at, now] of entries().entries()) {
    const isOurs =
      places[at] === "/dev/shm"
        ? (name: string) => !name.startsWith("allcores-lock-")
        : (name: string) => /allcores(?!-actor-)|memfd|fifo/i.test(name);
    const added = [...now].filter((name) => !before[at]!.has(name) && isOurs(name));
    // Folders, and the sockets of actors, are those of tests that run at the same time.
    const ours = added
      .map((name) => join(places[at]!, name))
      .filter((path) => fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === false);
    assert.deepEqual(ours, []);
  }
});
