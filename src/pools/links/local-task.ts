import { ArgumentTypeError, ownDescriptor } from "../../errors/index.js";
import { importTask } from "../../workers/task-module.js";
import {
  type AnyFunction,
  identityIfTask,
  isCallable,
  isRegistered,
  registeredTask,
  type TaskIdentity,
} from "../../workers/task.js";

const NOTHING: readonly unknown[] = [];

/** A function that runs on this event loop, as a task: one of a module, or a closure. */
export class LocalTask implements TaskIdentity {
  readonly url = "";
  readonly bound = NOTHING;
  readonly fn: AnyFunction;

  constructor(fn: AnyFunction) {
    this.fn = fn;
  }

  /** What messages call it. */
  get name(): string {
    return identityIfTask(this.fn)?.name ?? (this.fn.name || "anonymous");
  }
}

let last: LocalTask | undefined;

/**
 * The function that was given, or the one that it stands for, whose module is loaded first. @throws ArgumentTypeError
 */
export function localTask(fn: unknown): LocalTask {
  // Most programs call one function many times.
  if (last !== undefined && last.fn === fn) return last;
  if (typeof fn !== "function")
    throw new ArgumentTypeError(`a function is needed, got ${fn === null ? "null" : typeof fn}`);
  const identity = identityIfTask(fn as AnyFunction);
  if (identity === undefined || isCallable(fn as AnyFunction)) return (last = new LocalTask(fn as AnyFunction));
  const { url, name, bound } = identity;
  const own = isRegistered(identity) ? registeredTask(url, name) : undefined;
  if (own !== undefined && bound.length === 0) return new LocalTask(own);
  const standIn =
    own === undefined
      ? async (...args: unknown[]) => (await importTask(url, name))(...bound, ...args)
      : (...args: unknown[]) => own(...bound, ...args);
  return new LocalTask(Object.defineProperty(standIn, "name", ownDescriptor({ value: name })));
}

/** The function of a task that a pool has on this event loop. */
export function functionOf(task: TaskIdentity): AnyFunction {
  if (task instanceof LocalTask) return task.fn;
  const { url, name } = task;
  return isRegistered({ url, name, bound: [] })
    ? registeredTask(url, name)
    : async (...args: unknown[]) => (await importTask(url, name))(...args);
}
