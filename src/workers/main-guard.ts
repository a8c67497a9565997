/**
 * Which starts of workers are a task's, and which are a module's: code at the top level of a module runs in every
 * worker that loads the module, and would start workers in each.
 *
 * A worker refuses every start before its first task is called, and every start out of the top level of a module at any
 * time, after whatever wait. What runs there is known by an `AsyncLocalStorage` in which modules are loaded. A refusal
 * ends the worker, with the error as what became of its task: thrown, it would be caught by the program's own
 * `main().catch(print)` in every child, or end one child after the other as an uncaught error, and a pool would replace
 * each.
 *
 * The context of a load costs Node before 24 two to four times as much for every promise, as long as the storage is in
 * use. So it goes out of use once nothing that a load began can still be open, or after LONGEST_MS. A start that a
 * module's top level makes later counts as the task's, as does one by a callback that Node calls outside of any
 * context; the bound on nesting ends what comes of that.
 * Rejected: a flag while a module is loaded (down again after the first `await` of an unguarded `main()`); contexts for
 * tasks (a cost for each job); an environment variable with the depth (programs that a worker starts would inherit it).
 */
import type { AsyncLocalStorage } from "node:async_hooks";
import { MainGuardError, NestingError, StateError } from "../errors/index.js";
import { atomics, realNow, setRealImmediate, setRealTimeout } from "../memory/index.js";
import { Parker } from "../parking/index.js";
import { workerState } from "./worker-state.js";

/** How many workers may stand one below the other: the main program's are the first. */
export const DEEPEST = 4;
/**
 * How often a worker looks whether a module's top level has come to its end, before its task is called: for a tenth of
 * a second, longer where processors are short.
 */
const HELD_LOOKS = 50;
const HELD_LOOK_MS = 2;
/**
 * Timers and requests, as `process.getActiveResourcesInfo` calls them: they end of their own, other than sockets and
 * ports.
 */
const ENDS_OF_ITS_OWN = /Timeout|Immediate|Req|ConnectWrap|Job/;
/** How often a worker looks whether something that a load began is still open, and for how long. */
const LOOK_MS = 50;
const LONGEST_MS = 10_000;
/** From here on Node keeps contexts at no cost. */
const FIRST_NODE_WITH_FREE_CONTEXTS = 24;
const isFree = Number.parseInt(process.versions.node, 10) >= FIRST_NODE_WITH_FREE_CONTEXTS;

/** The storage in which this worker's modules are loaded: `true` in what their top levels do. */
function loads(): AsyncLocalStorage<boolean> {
  return (workerState.loads ??= new (process.getBuiltinModule("node:async_hooks").AsyncLocalStorage)<boolean>());
}

/** Timers, handles and requests that are open without any load. */
let quiet = 0;
let isWatched = false;

function openNow(): number {
  return process.getActiveResourcesInfo().length;
}

/**
 * Turns of the loop that are due end before a load does: counted as open without it, each would hide something that the
 * load has begun.
 */
function turnsDue(): number {
  return process.getActiveResourcesInfo().filter((type) => type === "Immediate").length;
}

/**
 * What this thread runs from here on is the top level of a module: that of a program in one file with the library
 * follows next.
 */
export function beginLoading(): void {
  quiet = openNow() - turnsDue();
  loads().enterWith(true);
}

/** Runs the worker's own part, and what comes of it, outside of all loads. What it opens stays open. */
export function outsideLoads<T>(fn: () => T): T {
  const before = openNow() - turnsDue();
  const value = loads().run(false, fn);
  quiet += openNow() - turnsDue() - before;
  return value;
}

/** Loads a module by `load`, so that all that comes of its top level is known for that. */
export async function loading<T>(load: () => Promise<T>): Promise<T> {
  if (workerState.depth === 0) return await load();
  const before = workerState.hasBegun ? endingNow() - turnsDue() : 0;
  try {
    return await loads().run(true, load);
  } finally {
    await afterLoad(before);
  }
}

/**
 * A task is about to be called whose module was loaded. It waits for what the module's top level has begun, as far as
 * that comes to its end soon: so an unguarded `main()` that starts its pool after a wait is always refused, and not
 * only when it comes to that sooner than this worker has done its part. Most modules begin nothing, and then this is
 * one turn of the loop.
 */
async function afterLoad(before: number): Promise<void> {
  await loads().run(false, async () => {
    await new Promise((resolve) => setRealImmediate(resolve));
    for (let look = 0; look < HELD_LOOKS && endingNow() > before; look++)
      await new Promise((resolve) => setRealTimeout(resolve, HELD_LOOK_MS));
  });
  watch(realNow() + LONGEST_MS);
}

/** Without this library's own timers, which come and go with what the worker awaits. */
function endingNow(): number {
  return process.getActiveResourcesInfo().filter((type) => ENDS_OF_ITS_OWN.test(type)).length - Parker.heartbeats;
}

/**
 * The first task is about to be called. In a bundle its module is the one that runs in this worker, and was not loaded.
 */
export async function beginTasks(isLoaded: boolean): Promise<void> {
  if (!isLoaded && workerState.depth > 0) await afterLoad(0);
  workerState.hasBegun = true;
}

function watch(until: number): void {
  if (isFree || isWatched) return;
  if (openNow() <= quiet || realNow() >= until) {
    loads().disable();
    return;
  }
  isWatched = true;
  setRealTimeout(() => {
    isWatched = false;
    watch(until);
  }, LOOK_MS).unref();
}

/** Whether a start of a worker out of the code that runs now would be let through. */
export function mayStartWorkers(): boolean {
  return !atomics.controlled && workerState.depth < DEEPEST && !isOfLoad();
}

/** In a worker: no task has been called yet, or what runs comes of the top level of a module. */
function isOfLoad(): boolean {
  return workerState.depth > 0 && (!workerState.hasBegun || workerState.loads?.getStore() === true);
}

/**
 * The depth of a worker that is about to be started: whatever starts one asks here, and puts it into the start record.
 * @throws NestingError; StateError in an explored program. Where the start is not a task's it does not come back: this
 *   worker ends with a MainGuardError
 */
export function depthOfNext(): number {
  if (atomics.controlled)
    throw new StateError("an explored program cannot start workers: list what they run in the program's `workers`");
  const { depth, name } = workerState;
  if (isOfLoad()) {
    workerState.refuse!(
      new MainGuardError(
        `${name} was asked to start a worker by the top level of a module that it loads for its task: each worker loads that module, and each would start more. ` +
          "Put the code that starts workers behind the guard: if (isMain(import.meta)) { … }",
      ),
    );
  }
  if (depth >= DEEPEST)
    throw new NestingError(
      `${name} was asked to start a worker, but it is itself the ${DEEPEST}th below the main program, and there are no more than ${DEEPEST}: give the work to a pool further up ` +
        "(pool.handle() is an argument). If no task is meant to start workers, the guard is missing: if (isMain(import.meta)) { … }",
    );
  return depth + 1;
}
