/** How a program with workers lives and ends: each one runs as a user would start it. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { runProgram, startProgram, startTypeScript } from "./programs.js";
import { timeLimit } from "../time-limit.js";

const folder = mkdtempSync(join(tmpdir(), "allcores-life-"));
after(() => rmSync(folder, { recursive: true, force: true }));

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + timeLimit(20_000); !condition(); await new Promise((resolve) => setTimeout(resolve, 5)))
    assert.ok(Date.now() < end, String(condition));
}

function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

describe("a program", { timeout: timeLimit(60_000) }, () => {
  for (const model of ["thread", "process"] as const) {
    const ends = async (what: string) => {
      const { code, output, errors } = await runProgram("life", what, model);
      assert.deepEqual({ code, errors }, { code: 0, errors: "" });
      return output.trimEnd().split("\n");
    };

    test(`waits for a ${model} that is no daemon`, async () =>
      assert.deepEqual(await ends("a worker that is no daemon"), ["task done", "main ends"]));

    test(`waits for a ${model} that a ${model} has started, whose task has returned`, async () =>
      assert.deepEqual(await ends("a worker whose child is no daemon"), ["parent is done", "saved", "main ends"]));

    test(`ends, and with it a daemon ${model}`, async () => assert.deepEqual(await ends("a daemon"), ["main ends"]));

    for (const what of ["objects that nobody uses", "objects that were used"])
      test(`ends with ${what} (${model})`, async () => assert.deepEqual(await ends(what), ["main ends"]));

    test(`stays alive for a wait that something can end (${model})`, async () =>
      assert.deepEqual(await ends("a wait that something can end"), ["woken", "main ends"]));

    test(`shows at once what a ${model} prints while the main thread is blocked`, async () => {
      const { says, ended } = startProgram("output", model);
      await says("worker speaks");
      assert.equal((await ended).output, "worker speaks\nresult 5\n");
    });

    test(`without the isMain guard is told so, and starts no storm (${model})`, async () => {
      const { output, errors } = await runProgram("forgotten-guard", model);
      assert.deepEqual([output, errors], ["error ERR_ALLCORES_MAIN_GUARD true\n", ""]);
    });
  }

  test("in TypeScript runs its tasks in TypeScript", async () => {
    const { ended } = startTypeScript("typescript", join(folder, "typescript"));
    assert.deepEqual(await ended, { code: 0, output: "2 3\n", errors: "" });
  });

  test("that is killed takes a child with it that has not come to the library's code: in a slow preload", async () => {
    const preload = join(folder, "preload.cjs");
    const file = join(folder, "preloaded");
    // Names the child, which then never goes on.
    writeFileSync(
      preload,
      `if (process.argv.some((each) => each.startsWith("allcores:"))) {
        const fs = require("node:fs");
        fs.writeFileSync(${JSON.stringify(`${file}.tmp`)}, String(process.pid));
        fs.renameSync(${JSON.stringify(`${file}.tmp`)}, ${JSON.stringify(file)});
        for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
      }`,
    );
    const { child } = startProgram(["--require", preload], "orphans", join(folder, "never"));
    await until(() => existsSync(file));
    const pid = Number(readFileSync(file, "utf8"));
    assert.equal(isRunning(pid), true);
    child.kill("SIGKILL");
    await until(() => !isRunning(pid));
  });

  test("whose thread is terminated loses the processes that the thread had started", async () => {
    const { says, ended } = startProgram("orphans-of-thread");
    await says("gone");
    assert.deepEqual(await ended, { code: 0, output: "gone\n", errors: "" });
  });

  test("that is killed takes its processes with it, endless loops included", async () => {
    const file = join(folder, "pid");
    const { child } = startProgram("orphans", file);
    await until(() => existsSync(file) && readFileSync(file, "utf8") !== "");
    const pid = Number(readFileSync(file, "utf8"));
    assert.equal(isRunning(pid), true);
    child.kill("SIGKILL");
    await until(() => !isRunning(pid));
  });
});
