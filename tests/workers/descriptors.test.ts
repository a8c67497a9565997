/** What a program does that has no file descriptor left: each case in a program of its own, which may have few. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { timeLimit } from "../time-limit.js";

const program = join(import.meta.dirname, "../fixtures/programs/descriptors.js");
/** Enough to start, and few enough to be used up at once. */
const LIMIT = 100;

function run(...args: (string | number)[]): void {
  const { status, signal, stdout, stderr } = spawnSync(
    "/bin/sh",
    [
      "-c",
      `ulimit -n ${LIMIT} && exec "$0" "$@"`,
      process.execPath,
      "--enable-source-maps",
      program,
      ...args.map(String),
    ],
    { encoding: "utf8", timeout: timeLimit(60_000) },
  );
  assert.deepEqual({ status, signal, stdout, stderr }, { status: 0, signal: null, stdout: "", stderr: "" });
}

describe("with few file descriptors", { timeout: timeLimit(120_000) }, () => {
  for (const what of [
    "a thread",
    "a thread that is joined by a blocked one",
    "a process",
    "a process that is joined by a blocked parent",
    "a pool of threads",
    "a pool of processes",
  ])
    test(`${what} works, or fails with a code and leaves nothing`, () => run(what));

  for (const what of ["memory across processes", "memory with a name", "a wait across processes"])
    test(`${what} works, or fails with a code and leaves nothing`, () => {
      for (let free = 0; free <= 4; free++) run(what, free, free);
    });

  for (const what of [
    "the main thread enters memory",
    "a wait that fails takes nothing",
    "a pool that has workers goes on with them",
    "a task that waits for another of its pool has it run as soon as there can be a worker",
    "a pool whose last worker died fails what waits, and recovers",
    "a module that could not be read can be read later",
  ])
    test(what, () => run(what));
});
