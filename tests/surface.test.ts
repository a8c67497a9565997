/** The public surface keeps the laws of docs/design/surface.md: names, former names, endings, docstrings. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import * as allcores from "allcores";
import * as testing from "allcores/testing";
import {
  declaredAs,
  exportedNames,
  type Member,
  membersWithInherited,
  publicFunctions,
  publicOwners,
} from "./fixtures/public-surface.js";
import { square } from "./fixtures/pool-tasks.js";

const root = resolve(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/design/surface.md"), "utf8");

/** The rows of the table whose head begins with `head`, by cells. */
function table(head: string): string[][] {
  const lines = page.split("\n");
  const from = lines.findIndex((line) => line.startsWith(`| ${head} |`));
  assert.ok(from >= 0, `the page has a table of ${head}`);
  const to = lines.findIndex((line, index) => index > from && !line.startsWith("|"));
  return lines.slice(from + 2, to).map((line) =>
    line
      .slice(1, -1)
      .split(" | ")
      .map((cell) => cell.trim()),
  );
}
const quoted = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);

const isDeprecated = ({ comment }: Member): boolean => comment.includes("@deprecated");
const gives = (member: Member, type: RegExp): boolean => member.signatures.some((signature) => type.test(signature));
const isAwaited = (member: Member): boolean => gives(member, /\): Promise</);
const isCall = ({ kind, verb }: Member): boolean => (kind === "method" || kind === "function") && !verb.startsWith("[");
/** What a promise has, what a logger asks for, and what only this library's own code calls. */
const OF_THE_PLATFORM = ["then", "catch", "finally", "toJSON", "toString"];

const owners = publicOwners();
const calls = [...owners.flatMap(({ members }) => members), ...publicFunctions()].filter(
  (member) => isCall(member) && !OF_THE_PLATFORM.includes(member.verb) && !isDeprecated(member),
);
/** What belongs to the same owner, inherited or not. */
const siblings = (member: Member): readonly Member[] => {
  const owner = member.name.split(".")[0]!;
  return member.kind === "function" ? publicFunctions() : membersWithInherited(owner);
};
const has = (member: Member, verb: string): boolean => siblings(member).some((one) => one.verb === verb && isCall(one));
const tryOf = (verb: string): string => `try${verb[0]!.toUpperCase()}${verb.slice(1)}`;

test("the walk finds what is exported", () => {
  const names = owners.map(({ name }) => name);
  for (const name of ["Lock", "RWLockView", "OwnerWord", "AnyQueue", "WorkerHandle", "Held", "CurrentWorker", "Pool"])
    assert.ok(names.includes(name), name);
  const classes = Object.entries(allcores).filter(
    ([, value]) => typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value)),
  );
  for (const [name, value] of classes)
    assert.ok(names.includes((value as { name: string }).name) || declaredAs(name) !== undefined, name);
  assert.ok(membersWithInherited("Lock").some(({ name }) => name === "OwnerWord.consistent"));
  assert.ok(membersWithInherited("Lock").some(({ name }) => name === "SharedObject.free"));
  assert.ok(exportedNames().includes("QueueShutDownError"));
});

describe("the naming law", () => {
  const exempt = new Map(
    table("Member").flatMap(([members, lacks, why]) =>
      quoted(members!).map((name) => [name, { lacks: lacks!, why: why! }] as const),
    ),
  );
  const lacking = new Map<string, string>();
  const lacks = (name: string, what: string) =>
    lacking.set(name, lacking.has(name) ? `${lacking.get(name)}, ${what}` : what);

  for (const member of calls) {
    const { name, verb } = member;
    if (/Sync$/.test(verb)) {
      if (!has(member, verb.slice(0, -4))) lacks(name, "verb");
    } else if (isAwaited(member)) {
      if (!has(member, `${verb}Sync`)) lacks(name, "Sync");
      // A family that cannot wait without its loop has no use for an attempt either.
      if (!has(member, tryOf(verb)) && (has(member, `${verb}Sync`) || member.kind === "function" || member.isStatic))
        lacks(name, "try");
    }
  }

  test("each verb that waits has its Sync sister and its attempt, or stands in the table with its reason", () => {
    assert.deepEqual(
      [...lacking]
        .filter(([name, what]) => exempt.get(name)?.lacks !== what)
        .map(([name, what]) => `${name} lacks ${what}`),
      [],
    );
    const known = new Set(calls.map(({ name }) => name));
    assert.deepEqual(
      [...exempt.keys()].filter((name) => !known.has(name) || !lacking.has(name)),
      [],
      "rows of what is no exception",
    );
    for (const [name, { why }] of exempt) assert.ok(why.length > 10, `the row of ${name} says why`);
  });

  test("a Sync verb blocks and takes no signal; an attempt never waits", () => {
    for (const member of calls) {
      if (!/Sync$/.test(member.verb) && !/^try[A-Z]/.test(member.verb)) continue;
      assert.ok(!isAwaited(member), `${member.name} gives no promise`);
      assert.ok(!gives(member, /\bWaitOptions\b/), `${member.name} takes no signal`);
      if (/^try[A-Z]/.test(member.verb)) assert.ok(!gives(member, /\bSyncWait\b/), `${member.name} takes no timeout`);
    }
  });

  test("what takes a signal and a timeout gives a promise, or the same with these limits", () => {
    for (const member of calls)
      if (gives(member, /\bWaitOptions\b/) && member.verb !== "with")
        assert.ok(isAwaited(member) || gives(member, /\): (Future|AsyncGenerator|AsyncIterable)/), member.name);
  });

  test("each error class ends in Error, and each error has a code", () => {
    for (const [name, value] of Object.entries(allcores)) {
      if (typeof value !== "function" || !(value.prototype instanceof Error)) continue;
      assert.ok(/Error$/.test(value.name), name);
      assert.match((value.prototype as unknown as { code: string }).code, /^ERR_ALLCORES_[A-Z_]+$/);
      assert.equal(value.prototype.name, value.name);
    }
  });
});

/** Objects with behaviour, whose properties are questions; a record of plain data is none. */
const objects = owners.filter(
  ({ kind, members, name }) =>
    kind === "class" || (members.some(({ kind }) => kind === "method") && !/Options$/.test(name)),
);
const booleans = objects
  .flatMap(({ members }) => members)
  .filter((member) => gives(member, /\w\??: boolean;$|\(\): boolean;$/) && /getter|field/.test(member.kind));

describe("boolean properties", () => {
  test("are questions, or former names of one", () => {
    const names = booleans
      .filter((member) => !isDeprecated(member) && !/^is[A-Z]/.test(member.verb))
      .map(({ name }) => name);
    // An option's own name, and what the law excepts.
    assert.deepEqual(names.sort(), ["Held.ownerDied", "WorkerHandle.daemon"]);
    assert.ok(booleans.length > 15);
  });
});

describe("former names", () => {
  const lock = new allcores.Lock();
  const rlock = new allcores.RLock();
  const condition = new allcores.Condition();
  const barrier = new allcores.Barrier(1);
  const [here, there] = allcores.createPipe({ duplex: false });
  const exploration = (isExhaustive: boolean) =>
    new testing.Exploration({
      schedules: 1,
      steps: 1,
      isExhaustive,
      walks: 0,
      seed: 1,
      duration: 1,
      failure: undefined,
    });
  /** By the owner that declares the former name: objects, and something that changes the answer. */
  const examples: Record<string, { readonly of: readonly object[]; readonly change?: () => unknown }> = {
    OwnerWord: { of: [lock, rlock], change: () => [lock.acquireSync(), rlock.acquireSync()] },
    Condition: { of: [condition], change: () => condition.acquireSync() },
    Barrier: { of: [barrier], change: () => barrier.abort() },
    Connection: { of: [here, there], change: () => [here.close(), (there as { close(): void }).close()] },
    Exploration: { of: [exploration(true), exploration(false)] },
    CurrentWorker: { of: [allcores.currentWorker()] },
  };
  const former = objects
    .flatMap(({ members }) => members)
    .filter(isDeprecated)
    .map((member) => ({
      ...member,
      owner: member.name.split(".")[0]!,
      now: /former name of `(\w+)`/.exec(member.comment)?.[1],
    }));

  test("each gives what the present name gives, in more than one state", async () => {
    assert.ok(former.length >= 10, String(former.length));
    const scope = await allcores.timeout(1000, (scope) => scope);
    const seen = new Map<string, Set<unknown>>();
    const compare = () => {
      for (const { name, owner, verb, now } of former) {
        assert.ok(now !== undefined, `${name} names its successor`);
        for (const object of owner === "TimeoutScope" ? [scope] : examples[owner]!.of) {
          const before: unknown = Reflect.get(object, verb);
          const after: unknown = Reflect.get(object, now);
          assert.equal(before, after, name);
          assert.equal(typeof after, "boolean", name);
          seen.set(name, (seen.get(name) ?? new Set()).add(after));
        }
      }
    };
    compare();
    for (const { change } of Object.values(examples)) change?.();
    compare();
    const alike = [...seen].filter(([, values]) => values.size < 2).map(([name]) => name);
    assert.deepEqual(alike, ["CurrentWorker.cancelled", "TimeoutScope.expired"]);
  });

  test("a task that is called off, and a time that has run out, say so by both names", async () => {
    let scope: allcores.TimeoutScope | undefined;
    await assert.rejects(
      allcores.timeout(1, ({ signal }) => allcores.sleep(60_000, { signal })),
      allcores.TimeoutError,
    );
    await allcores
      .timeout(1, (own) => {
        scope = own;
        return allcores.sleep(60_000, { signal: own.signal });
      })
      .catch(() => {});
    assert.deepEqual([scope?.expired, scope?.isExpired], [true, true]);
    await using pool = new allcores.AsyncPool({ concurrency: 1 });
    const entered = new allcores.Event();
    let me: allcores.CurrentWorker | undefined;
    const call = pool.submit(async () => {
      me = allcores.currentWorker();
      entered.set();
      await allcores.sleep(60_000, { signal: me.signal }).catch(() => {});
    });
    await entered.wait();
    assert.deepEqual([me?.cancelled, me?.isCancelled], [false, false]);
    call.cancel();
    await call.catch(() => {});
    assert.deepEqual([me?.cancelled, me?.isCancelled], [true, true]);
  });

  test("an error class under its former name is the same class, and its name is the present one", () => {
    for (const [Former, Present, code] of [
      [allcores.QueueShutDown, allcores.QueueShutDownError, "ERR_ALLCORES_QUEUE_SHUT_DOWN"],
      [allcores.ConnectionClosed, allcores.ConnectionClosedError, "ERR_ALLCORES_CONNECTION_CLOSED"],
    ] as const) {
      assert.equal(Former, Present);
      const error = new Former("over");
      assert.deepEqual([error.name, error.code, error instanceof Present], [Present.name, code, true]);
      assert.match(error.name, /Error$/);
    }
    const queue = new allcores.Queue();
    queue.shutdown();
    assert.throws(() => queue.putSync(1), allcores.QueueShutDown);
  });
});

describe("the law of endings", () => {
  const WORDS = [
    "free",
    "close",
    "shutdown",
    "terminate",
    "kill",
    "cancel",
    "unlink",
    "[Symbol.dispose]",
    "[Symbol.asyncDispose]",
  ];
  const wordOf = (cell: string): string =>
    cell.includes("await using")
      ? "[Symbol.asyncDispose]"
      : cell.includes("using")
        ? "[Symbol.dispose]"
        : /`(\w+)/.exec(cell)![1]!;
  const rows = table("Word");

  test("each class has the words of its rows, and no other", () => {
    const said = new Set(rows.flatMap((row) => quoted(row.at(-1)!).map((name) => `${name}.${wordOf(row[0]!)}`)));
    const isShared = (name: string): boolean =>
      membersWithInherited(name).some((member) => member.name === "SharedObject.workerId");
    const found = new Set<string>();
    for (const name of exportedNames()) {
      const { kind, bases } = declaredAs(name) ?? {};
      if (kind !== "class" && !/^R?Held$/.test(name)) continue;
      for (const { verb, kind } of membersWithInherited(name))
        if (WORDS.includes(verb) && kind === "method" && !(verb === "free" && isShared(name)))
          found.add(`${name}.${verb}`);
      if (/^R?Held$/.test(name)) found.add(`${name}.[Symbol.dispose]`);
      assert.ok(bases !== undefined);
    }
    assert.deepEqual([...found].sort(), [...said].sort());
  });

  test("a second time does nothing", async () => {
    const [here, there] = allcores.createPipe();
    const queue = new allcores.Queue();
    const named = allcores.SharedMemory.create("surface-endings", 8);
    const group = new allcores.TaskGroup();
    const pool = new allcores.AsyncPool();
    const terminated = new allcores.AsyncPool();
    const idle = new allcores.ThreadPool({ workers: 1 });
    const object = {};
    const served = allcores.serve(object);
    const run = pool.map(() => 1, [1]);
    const future = pool.submit(() => allcores.sleep(60_000, { signal: allcores.currentWorker().signal }));
    future.catch(() => {});
    for (let time = 0; time < 2; time++) {
      here.close();
      here.free();
      there[Symbol.dispose]();
      await there[Symbol.asyncDispose]();
      queue.shutdown();
      queue.shutdown({ immediate: true });
      if (time === 0) named.unlink();
      named.close();
      named.free();
      group.cancel();
      await group[Symbol.asyncDispose]();
      future.cancel();
      run.cancel();
      served[Symbol.dispose]();
      pool.close();
      terminated.terminate();
      await terminated[Symbol.asyncDispose]();
      idle.close();
      idle.terminate();
      await idle.join();
    }
    queue.free();
    queue.free();
    assert.throws(() => queue.shutdown(), { code: "ERR_ALLCORES_FREED" });
    assert.throws(() => named.unlink(), { code: "ERR_ALLCORES_FREED" });
    assert.throws(() => here.trySend(1), { code: "ERR_ALLCORES_STATE" });
    assert.throws(() => pool.submit(() => 1), { code: "ERR_ALLCORES_STATE" });
    assert.throws(() => idle.submit(square, 1), { code: "ERR_ALLCORES_STATE" });
  });
});

describe("docstrings", () => {
  const examples = new Map(owners.map(({ name, comment }) => [name, comment]));
  /** Classes whose objects have this member: their examples may show it. */
  const heirs = (owner: string): string[] =>
    owners
      .map(({ name }) => name)
      .filter((name) => {
        const seen = new Set<string>();
        const reaches = (each: string): boolean =>
          each === owner ||
          (declaredAs(each)?.bases ?? []).some((base) => !seen.has(base) && seen.add(base) && reaches(base));
        return reaches(name);
      });

  /** The parts that the docstring of a member lacks. */
  function lackingParts(member: Member): string[] {
    const { comment, verb, kind, name, signatures } = member;
    const lacking: string[] = [];
    const what = comment.split(/(?:^|\s)@\w+/)[0]!.trim();
    if (what.length < 10) lacking.push("what");
    if (verb.startsWith("[") || kind === "getter" || kind === "field" || OF_THE_PLATFORM.includes(verb)) return lacking;
    const parameters = new Set(signatures.flatMap((signature) => parametersOf(signature)));
    if ([...parameters].some((parameter) => !new RegExp(`@param ${parameter}\\b`).test(comment)))
      lacking.push("params");
    const takesTime = signatures.some((signature) => /\b(SyncWait|WaitOptions)\b/.test(signature));
    if (takesTime && !/milliseconds|@param options as (of|it)/.test(comment)) lacking.push("units");
    if (
      kind !== "constructor" &&
      signatures.some((signature) => !/\): (void|Promise<void>|never|this);$/.test(signature)) &&
      !comment.includes("@returns")
    )
      lacking.push("returns");
    if (!/@throws [\s\S]*?(ERR_ALLCORES_|nothing)/.test(comment)) lacking.push("throws");
    if (
      takesTime &&
      kind !== "constructor" &&
      !(/fairness/i.test(comment) && /death/i.test(comment) && /cancel/i.test(comment))
    )
      lacking.push("fairness");
    if (!comment.includes("**Cost:**")) lacking.push("cost");
    const owner = kind === "function" ? undefined : name.replace(/^new /, "").split(".")[0]!;
    const call = kind === "constructor" ? `new ${owner}` : verb;
    const isShown =
      owner !== undefined &&
      heirs(owner).some((heir) =>
        new RegExp(kind === "constructor" ? `new ${heir}\\b` : `\\.${call}(<[^>]*>)?\\(`).test(examples.get(heir)!),
      );
    if (!comment.includes("@example") && !isShown) lacking.push("example");
    return lacking;
  }

  function parametersOf(signature: string): string[] {
    const from = signature.indexOf("(");
    let depth = 0;
    let text = "";
    for (let at = from; at < signature.length; at++) {
      const char = signature[at]!;
      if ("({[<".includes(char)) depth++;
      else if (")}]".includes(char) || (char === ">" && signature[at - 1] !== "=")) depth--;
      if (depth === 0) break;
      text += depth === 1 && !(char === "(" && text === "") ? char : depth === 1 ? "" : "_";
    }
    return [...text.matchAll(/(?:^|,)\s*(?:\.\.\.)?(\w+)\??\s*:/g)].map(([, parameter]) => parameter!);
  }

  const checked = [...owners.flatMap(({ members }) => members), ...publicFunctions()]
    .filter((member) => !isDeprecated(member))
    // Users make no object of an abstract base.
    .filter(({ name, kind }) => kind !== "constructor" || exportedNames().includes(name.replace("new ", "")))
    .filter(({ kind, name }) => !(kind === "field" && declaredAs(name.split(".")[0]!)?.kind === "interface"))
    .filter(({ name, kind }) => !(kind === "field" && /Error\.code$/.test(name)));
  const found = checked
    .map((member) => ({ name: member.name, lacking: lackingParts(member) }))
    .filter(({ lacking }) => lacking.length > 0)
    .map(({ name, lacking }) => `${name}: ${lacking.join(", ")}`)
    .sort();

  test("each has all of its parts", () => {
    const names = checked.map(({ name }) => name);
    for (const name of ["OwnerWord.consistent", "new BoundedSemaphore", "RWLockView.acquire", "Held.handOff"])
      assert.ok(names.includes(name), name);
    assert.deepEqual(found, [], "docstrings that lack a part: see the form in docs/design/surface.md");
  });

  test("the check finds what is missing", () => {
    const member = (comment: string, signature = "take(options?: WaitOptions): Promise<Held>;"): Member => ({
      name: "Lock.take",
      verb: "take",
      kind: "method",
      isStatic: false,
      signatures: [signature],
      comment,
    });
    assert.deepEqual(lackingParts(member("")), [
      "what",
      "params",
      "units",
      "returns",
      "throws",
      "fairness",
      "cost",
      "example",
    ]);
    const full =
      "Takes the thing.\n@param options `timeout`: milliseconds\n@returns the hold\n@throws `ERR_ALLCORES_TIMEOUT`\n@remarks **Fairness, death, cancel:** none. **Cost:** none.\n@example";
    assert.deepEqual(lackingParts(member(full)), []);
    assert.deepEqual(lackingParts(member(full, "take(fn: (a: number) => void, options?: WaitOptions): void;")), [
      "params",
    ]);
    assert.deepEqual(parametersOf("take<T>(a: { b: number }, fn: (c: T) => void, ...rest: string[]): void;"), [
      "a",
      "fn",
      "rest",
    ]);
  });
});
