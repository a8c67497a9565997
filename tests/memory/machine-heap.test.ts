/** The heap of all programs of a user: one at a time, whoever comes first and however they end. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { inForm } from "../form.js";
import { startBare as start } from "../fixtures/bare-program.js";
import { timeLimit } from "../time-limit.js";

const programs = new URL("../fixtures/programs/", import.meta.url);

const traces = (): string[] =>
  [...fs.readdirSync("/dev/shm"), ...fs.readdirSync(tmpdir())].filter((name) =>
    /allcores.*machine|machine.*allcores/.test(name),
  );

test("programs that start at once find one memory and count in it; it begins anew when all were killed", {
  timeout: timeLimit(60_000),
}, async () => {
  const name = `count-${process.pid}`;
  for (let round = 0; round < 2; round++) {
    const all = [0, 1, 2, 3, 4, 5].map(() => start("openMachine", name, 1000));
    const seen = (await Promise.all(all.map(({ said }) => said))) as number[];
    assert.equal(Math.max(...seen), 6000);
    // Who is left keeps it.
    await Promise.all(all.slice(1).map(({ kill }) => kill()));
    const next = start("openMachine", name, 1);
    assert.equal(await next.said, 6001);
    await Promise.all([all[0]!.kill(), next.kill()]);
  }
  assert.deepEqual(traces(), []);
});

test("killed at any instant of the beginning, it leaves a whole memory or none", {
  timeout: timeLimit(100_000),
}, async () => {
  const name = `chaos-${process.pid}`;
  const rounds = inForm({ short: 3, whole: 6 });
  for (let round = 0; round < rounds; round++) {
    const doomed = [0, 1, 2].map(() => start("openMachine", name, 1));
    await new Promise((done) => setTimeout(done, 20 + round * (96 / rounds)));
    await Promise.all(doomed.map(({ kill }) => kill()));
    const [one, two] = [start("openMachine", name, 1), start("openMachine", name, 1)];
    assert.notEqual(await one.said, await two.said);
    await Promise.all([one.kill(), two.kill()]);
  }
});

const unshare = ["--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"];
const canUnshare = spawnSync("unshare", [...unshare, "true"]).status === 0;

/** In a pid namespace of their own, where nobody else can have the memory open. */
test("of programs that all want to make it one does", { skip: !canUnshare, timeout: timeLimit(100_000) }, async () => {
  const { stdout, stderr, status } = spawnSync(
    "unshare",
    [...unshare, process.execPath, new URL("machine-race.js", programs).pathname],
    { encoding: "utf8" },
  );
  assert.equal(status, 0, stderr);
  const rounds = JSON.parse(stdout) as string[][];
  assert.equal(rounds.length, 4);
  for (const files of rounds) assert.equal(new Set(files).size, 1, files.join());
  assert.equal(new Set(rounds.map(([file]) => file)).size, rounds.length);
});
