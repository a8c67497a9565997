/** taskModule finds the functions of a CommonJS module, in every form in which it may export them. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { ProcessPool, type Task, taskModule, Thread, ThreadPool, toThread } from "allcores";
import { timeLimit } from "../time-limit.js";

// Within the project, whose modules a message may name.
const folder = mkdtempSync(join(import.meta.dirname, "task-module-"));
after(() => rmSync(folder, { recursive: true }));

type Tasks = Readonly<Record<string, Task<(n: number) => number>>>;
const moduleOf = (name: string, text: string): Tasks => {
  const file = join(folder, `${name}.cjs`);
  writeFileSync(file, text);
  return taskModule<Tasks>(pathToFileURL(file)) as Tasks;
};

const forms: [form: string, text: string, names: readonly string[]][] = [
  [
    "module.exports = { f }",
    `function f(n) { return n + 1; } module.exports = { f, ["g"]: (n) => n + 1, h(n) { return this.g(n); } };`,
    ["f", "g", "h"],
  ],
  [
    "module.exports = main; main.f = f",
    `function main(n) { return n + 1; } module.exports = main; main.f = (n) => n + 1;`,
    ["default", "f"],
  ],
  [
    "a compiled exports.default",
    `Object.defineProperty(exports, "__esModule", { value: true }); exports.default = function work(n) { return n + 1; }; exports.f = (n) => n + 1;`,
    ["default", "f"],
  ],
  [
    "a compiled exports.default of functions",
    `Object.defineProperty(exports, "__esModule", { value: true }); exports.default = { f: (n) => n + 1 };`,
    ["f"],
  ],
  ["functions that are computed", `for (const name of ["f", "g"]) exports[name] = (n) => n + 1;`, ["f", "g"]],
];

test("taskModule finds the functions of a CommonJS module", { timeout: timeLimit(60_000) }, async (context) => {
  await using threads = new ThreadPool({ workers: 1 });
  await using processes = new ProcessPool({ workers: 1 });
  for (const [index, [form, text, names]] of forms.entries()) {
    await context.test(form, async () => {
      const tasks = moduleOf(`form-${index}`, text);
      for (const name of names) {
        assert.equal(await threads.submit(tasks[name]!, 1), 2, name);
        assert.equal(await processes.submit(tasks[name]!, 2), 3, name);
      }
      await assert.rejects(() => threads.submit(tasks["toString" as string]!, 1), {
        code: "ERR_ALLCORES_TASK_NOT_FOUND",
      });
      await assert.rejects(() => threads.submit(tasks.absent!, 1), { code: "ERR_ALLCORES_TASK_NOT_FOUND" });
    });
  }
  const tasks = moduleOf("form-0", forms[0]![1]);
  await using thread = Thread.start(tasks.g!, 1);
  assert.equal(await thread.join(), 2);
  assert.equal(await toThread(tasks.h!, 4), 5);
});
