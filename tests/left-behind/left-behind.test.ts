/**
 * What is left behind by a call: nothing, whichever way it ends. Each public call has a row in calls.ts or starts.ts; a
 * new one without a row fails the first test.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, describe, test } from "node:test";
import * as allcores from "allcores";
import * as testing from "allcores/testing";
import { calls, dearCalls } from "./calls.js";
import { starts } from "./starts.js";
import { timeLimit } from "../time-limit.js";

const types = join(resolve(import.meta.dirname, "../../.."), "dist/types");
const PARTS = 4;
const folder = mkdtempSync(join(tmpdir(), "allcores-left-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Public names that are calls and have no row, and why. */
const WITHOUT_ROW: Readonly<Record<string, string>> = {
  onWorkerExit: "what it is given stays, on purpose, until this worker ends",
  task: "what it registers is known for good, and a name is registered once",
  "new Connection": "users make none: createPipe does",
  "new Exploration": "users make none: explore does",
  "Served.callSync": "a thread that blocks cannot serve itself; PoolHandle.submit shows the other side",
};
/** Types whose methods stand in the rows of the classes that have them. */
const OF_CLASSES = new Set(["AnyQueue", "Pool", "Selectable"]);
/** Methods that are public for the library's own sake: they take or give what users cannot make. */
const OWN = new Set(["attach", "hold", "close of TimeoutScope"]);

/** Methods that a class or an interface declares, as users see them. A symbol counts where users have it. */
function declaredMethods(): Map<string, Set<string>> {
  const methods = new Map<string, Set<string>>();
  for (const file of readdirSync(types, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".d.ts"),
  )) {
    let owner: string | undefined;
    for (const line of readFileSync(join(types, file), "utf8").split("\n")) {
      const opened = /^(?:export )?(?:declare )?(?:abstract )?(?:class|interface) (\w+)/.exec(line)?.[1];
      if (opened !== undefined) owner = opened;
      else if (line.startsWith("}")) owner = undefined;
      const method = /^ {4}(?:static |abstract |async )*(\w+|\[Symbol\.\w+\]|\[selectable\])(?:<.*?>)?\(/.exec(
        line,
      )?.[1];
      if (owner === undefined || method === undefined || method === "constructor") continue;
      if (OWN.has(method) || OWN.has(`${method} of ${owner}`)) continue;
      methods.set(owner, (methods.get(owner) ?? new Set()).add(method));
    }
  }
  return methods;
}

function nameOf(key: string | symbol): string {
  if (typeof key === "string") return key;
  if (key === allcores.selectable) return "[selectable]";
  const known = Object.entries(Object.getOwnPropertyDescriptors(Symbol)).find(([, { value }]) => value === key)?.[0];
  return known === undefined ? String(key) : `[Symbol.${known}]`;
}

/** "function", "new Class", "Class.method": of what the modules export, with what their classes inherit. */
function publicCalls(): Set<string> {
  const found = new Set<string>();
  const declared = declaredMethods();
  for (const [name, value] of Object.entries({ ...allcores, ...testing })) {
    if (typeof value !== "function" || value.prototype instanceof Error) continue;
    if (!/^class\b/.test(Function.prototype.toString.call(value))) {
      found.add(name);
      continue;
    }
    found.add(`new ${name}`);
    for (let its = value as object; its !== Function.prototype && its !== Promise; its = Object.getPrototypeOf(its)) {
      const { prototype, name: ofClass } = its as { prototype: object; name: string };
      for (const owner of [its, prototype]) {
        for (const key of Reflect.ownKeys(owner)) {
          const method = nameOf(key);
          const isMethod =
            key !== "constructor" && typeof Object.getOwnPropertyDescriptor(owner, key)!.value === "function";
          if (
            isMethod &&
            (declared.get(ofClass)?.has(method) || /^\[Symbol\.(async)?(dispose|iterator)\]$/i.test(method))
          )
            found.add(`${name}.${method}`);
        }
      }
    }
  }
  const index = readFileSync(join(types, "index.d.ts"), "utf8");
  for (const [, names] of index.matchAll(/export (?:type )?\{([^}]*)\}/g)) {
    for (const name of names!.split(",").map((each) => each.replace("type ", "").trim())) {
      if (name in allcores || OF_CLASSES.has(name)) continue;
      for (const method of declared.get(name) ?? []) found.add(`${name}.${method}`);
    }
  }
  return found;
}

/**
 * Runs the program of the tables; what it found. Its output is a line for each row that left something, and a last one.
 */
async function found(...args: string[]): Promise<string[]> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "program.js"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, TMPDIR: mkdtempSync(join(folder, "own-")) },
  });
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  await new Promise((resolve) => child.on("close", resolve));
  const lines = output.trim().split("\n");
  assert.equal(lines.pop(), "done", `the program ended in the middle:\n${output}${errors}`);
  assert.equal(errors, "");
  return lines;
}

describe("things left behind", { timeout: timeLimit(280_000), concurrency: 2 }, () => {
  test("every public call has a row, and each row is one", () => {
    const rows = [
      ...Object.keys({ ...calls, ...dearCalls }).map((key) => key.split(", ")[0]!),
      ...Object.values(starts).flatMap((each) => each.calls),
    ];
    const known = new Set([...rows, ...Object.keys(WITHOUT_ROW)]);
    const wanted = publicCalls();
    assert.deepEqual(
      [...wanted].filter((name) => !known.has(name)),
      [],
      "public calls without a row",
    );
    assert.deepEqual(
      // What loggers see of an object is declared for some classes only.
      [...known].filter((name) => !wanted.has(name) && !name.endsWith(".toJSON")),
      [],
      "rows of what is no public call",
    );
  });

  for (let part = 0; part < PARTS; part++)
    test(`by ten thousand of each call: no timer, listener, descriptor, thread, file or memory (part ${part + 1} of ${PARTS})`, async () =>
      assert.deepEqual(await found("calls", `${part}`, `${PARTS}`), []));

  for (const name of Object.keys(starts))
    test(`by fifty starts: no handle, descriptor, thread, process, file or memory (${name})`, async () =>
      assert.deepEqual(await found("starts", name), []));
});
