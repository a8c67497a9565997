/** What starts workers without the guard is stopped, however it comes to that; what a task starts is not. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { build } from "esbuild";
import { runCounted } from "../fixtures/counted-program.js";
import { inForm } from "../form.js";
import { timeLimit } from "../time-limit.js";

const root = resolve(import.meta.dirname, "../../..");
const programs = join(root, "tests/fixtures/programs");
const models = ["process", "thread"] as const;
/** The short form has each case in one of the two, by turns. */
const modelsOf = (nth: number) =>
  inForm<readonly ("process" | "thread")[]>({ short: [models[nth % models.length]!], whole: models });
const WORKERS = 2;

async function isStopped(
  file: string,
  model: string,
  verb: string,
  awaited: string,
  ...nodeOptions: string[]
): Promise<void> {
  const { code, errors, output, workers } = await runCounted([...nodeOptions, file], {
    UNGUARDED: JSON.stringify({ model, verb, before: awaited }),
  });
  assert.equal(errors.match(/MainGuardError: /g)?.length, 1, `one clear error: ${errors}${output}`);
  assert.match(errors, /if \(isMain\(import\.meta\)\)/);
  assert.ok(code !== null && code !== 0, `exit status ${code}`);
  assert.ok(workers >= 1 && workers <= WORKERS, `${workers} workers were started`);
}

const compiled = (name: string): string => join(root, `build/tests/fixtures/programs/${name}.js`);

const verbs = [
  "map",
  "map, iterated",
  "starmap",
  "stream",
  "transformStream",
  "submit",
  "trySubmit",
  "initializer",
  "start",
  "to",
  "start, and nobody joins",
];

describe("a forgotten isMain guard stops with one clear error, at most `workers` children ever started", {
  timeout: timeLimit(280_000),
  concurrency: 2,
}, () => {
  for (const [nth, verb] of verbs.entries())
    for (const model of modelsOf(nth))
      test(`${verb} at top level, ${model}`, () => isStopped(compiled("unguarded"), model, verb, "nothing"));
  for (const [nth, awaited] of ["null", "a module", "a file", "a timer"].entries())
    for (const model of modelsOf(nth))
      test(`unguarded main() with an await of ${awaited} before, ${model}`, () =>
        isStopped(compiled("unguarded"), model, "map", awaited));
  for (const model of models) {
    test(`unguarded main() whose errors are caught, ${model}`, () =>
      isStopped(compiled("unguarded"), model, "map", "caught"));
    test(`a worker that nobody joins, after an await, ${model}`, () =>
      isStopped(compiled("unguarded"), model, "start, and nobody joins", "a timer"));
  }
  test("at top level, in a context from before the module was loaded", () => {
    const preload =
      'import { AsyncLocalStorage } from "node:async_hooks"; globalThis.runAsBefore = AsyncLocalStorage.snapshot();';
    return isStopped(
      compiled("unguarded"),
      "thread",
      "start",
      "another context",
      "--import",
      `data:text/javascript,${encodeURIComponent(preload)}`,
    );
  });
  test("unguarded code that a worker comes to after an await, loaded while the loop of the worker turns", async () => {
    const { code, output, errors } = await runCounted([compiled("turning")]);
    assert.deepEqual([code, output, errors], [0, "ERR_ALLCORES_MAIN_GUARD\n", ""]);
  });
  test("runSync at top level", () => isStopped(compiled("unguarded"), "thread", "runSync", "nothing"));
  test("runSync after an await", () => isStopped(compiled("unguarded"), "thread", "runSync", "a timer"));
});

describe("in other forms of program", { timeout: timeLimit(280_000), concurrency: 2 }, () => {
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(root, "build/guard-"));
    const common = {
      platform: "node",
      target: "node20",
      logLevel: "error",
      entryPoints: ["unguarded", "nested"].map((name) => join(programs, `${name}.ts`)),
      bundle: true,
      // A bundle of CommonJS has no import.meta, which esbuild says.
      logOverride: { "empty-import-meta": "silent" },
    } as const;
    const whole = { ...common, external: ["koffi", "tsx"], alias: { allcores: join(root, "src/index.ts") } };
    await build({ ...whole, format: "esm", outdir: join(folder, "bundle") });
    await build({ ...whole, format: "cjs", outdir: join(folder, "bundle-cjs"), outExtension: { ".js": ".cjs" } });
    await build({
      ...common,
      external: ["allcores"],
      format: "cjs",
      outdir: join(folder, "plain-cjs"),
      outExtension: { ".js": ".cjs" },
    });
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const forms = {
    "one bundled file, ESM": "bundle/NAME.js",
    "one bundled file, CommonJS": "bundle-cjs/NAME.cjs",
    CommonJS: "plain-cjs/NAME.cjs",
  };
  for (const [which, [form, path]] of Object.entries(forms).entries()) {
    const file = (name: string) => join(folder, path.replace("NAME", name));
    for (const [nth, awaited] of ["nothing", "a timer"].entries()) {
      for (const model of modelsOf(which + nth))
        test(`a forgotten isMain guard in ${form}, await of ${awaited} before, ${model}`, () =>
          isStopped(file("unguarded"), model, "map", awaited));
    }
    test(`a task that starts workers of its own in ${form}`, () =>
      startsItsOwn(file("nested"), form === "one bundled file, ESM" ? "process" : "thread"));
    test(`a worker that starts one in ${form}`, () => isStopped(file("unguarded"), "process", "start", "nothing"));
  }
});

async function startsItsOwn(file: string, model: string): Promise<void> {
  const { code, errors, output } = await runCounted([file], { MODEL: model });
  assert.equal(code, 0, errors);
  assert.deepEqual(JSON.parse(output), {
    atOnce: 3,
    afterAnAwait: 3,
    started: 3,
    four: 4,
    five: "ERR_ALLCORES_NESTING",
    initializer: 1,
  });
}

describe("must still work", { timeout: timeLimit(280_000), concurrency: 2 }, () => {
  for (const model of models)
    test(`a task that starts workers of its own, three levels deep, and an initializer that does; a fifth level is the error, ${model}`, () =>
      startsItsOwn(compiled("nested"), model));
});
