import { isError } from "../errors/index.js";
import { together } from "../memory/index.js";
import { type Future, whenObserved } from "./future.js";
import { reportUncaught } from "./uncaught-hook.js";

/** A future that failed, and of what. */
export interface FailedFuture {
  readonly future: Future<unknown>;
  readonly error: unknown;
}

/** An error without an owner. It does not hold what failed of it. */
interface Orphan {
  readonly error: unknown;
  readonly name: string;
}

/** Errors of what can still be awaited, and that nobody has awaited. */
const orphans = new Set<Orphan>();
/**
 * Errors that have an owner: somebody awaits a future that failed of one, or the hook was told. Several futures may
 * fail of one error.
 */
const owned = together("ownedErrors", () => new WeakSet<object>());
const collected = new FinalizationRegistry<Orphan>(tell);
let watchesExit = false;

/** Finds an owner for the error of a future. `name`: of the pool. */
export function findOwner({ future, error }: FailedFuture, name: string): void {
  findOwnerFor(future, error, name, (heard) => whenObserved(future, heard));
}

/**
 * Finds an owner for the error that something failed of, a future or a worker's handle: who awaits it, else the
 * uncaught hook, when nobody can await it any more. That is when it is collected, or the program (this worker) exits.
 * The end of a pool is no such moment: the future can be awaited after it. `whenHeard` keeps what is to be called with
 * the first interest in the error, or calls it at once.
 */
export function findOwnerFor(
  failed: object,
  error: unknown,
  name: string,
  whenHeard: (heard: () => void) => void,
): void {
  const orphan: Orphan = { error, name };
  orphans.add(orphan);
  collected.register(failed, orphan, orphan);
  whenHeard(() => {
    collected.unregister(orphan);
    orphans.delete(orphan);
    own(error);
  });
  if (!orphans.has(orphan)) return;
  release(error);
  if (watchesExit) return;
  watchesExit = true;
  process.on("exit", () => {
    for (const each of orphans) tell(each);
  });
}

function tell(orphan: Orphan): void {
  if (!orphans.delete(orphan) || isOwned(orphan.error)) return;
  own(orphan.error);
  reportUncaught(orphan.error, { name: orphan.name });
}

/**
 * Until its stack is asked for, an error holds what its frames were called on: an AsyncPool's call, and so the future.
 * So do its causes.
 */
function release(error: unknown): void {
  const seen = new Set<unknown>();
  try {
    for (let each = error; isError(each) && !seen.has(each); each = each.cause) {
      seen.add(each);
      void each.stack;
    }
  } catch {
    // A getter of the error's own.
  }
}

function own(error: unknown): void {
  if (typeof error === "object" && error !== null) owned.add(error);
}

function isOwned(error: unknown): boolean {
  return typeof error === "object" && error !== null && owned.has(error);
}
