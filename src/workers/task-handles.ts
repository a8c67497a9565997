import { knowModule, type ModuleSource, moduleUrl } from "../codec/index.js";
import { type AnyFunction, handleOf, type Task } from "./task.js";

/** The functions that a module exports, as tasks. */
export type TaskModule<M> = {
  readonly [Name in keyof M as M[Name] extends AnyFunction ? Name : never]: M[Name] extends AnyFunction
    ? Task<M[Name]>
    : never;
};

/**
 * The exported functions of a module as tasks, without `task()` and without loading the module here: workers load it.
 * Where `work.js` is not there, `work.ts` is taken.
 *
 * A CommonJS module's functions are those of `module.exports`, be that an object or a function with fields; `default`
 * is `module.exports` itself if it is a function, else a compiled `exports.default`.
 *
 * The type says what there is: `taskModule<typeof import("./work.js")>(new URL("./work.js", import.meta.url))`. A name
 * that the module does not export fails in the worker with `TaskNotFoundError`. The handles are for pools, threads and
 * processes; to call a function here, import its module.
 *
 * @param from the module, as a URL or a path
 * @returns an object with a task for each name
 * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for what names no module
 * @remarks **Cost:** one small object for each name that is asked for; no module is loaded.
 *
 * @example
 * ```ts
 * import { isMain, taskModule, ThreadPool } from "allcores";
 * const path = taskModule<typeof import("node:path")>(new URL("node:path"));
 * if (isMain(import.meta)) {
 *   await using pool = new ThreadPool({ workers: 1 });
 *   console.log(await pool.submit(path.basename, "/tmp/a.txt")); // a.txt
 * }
 * ```
 */
export function taskModule<M>(from: ModuleSource): TaskModule<M> {
  const url = moduleUrl("taskModule", from);
  knowModule(url);
  const handles = new Map<string, Task>();
  return new Proxy(Object.create(null) as TaskModule<M>, {
    get(_target, name) {
      // Not a promise, whatever is asked of it.
      if (typeof name !== "string" || name === "then") return undefined;
      let handle = handles.get(name);
      if (handle === undefined) handles.set(name, (handle = handleOf(url, name)));
      return handle;
    },
  });
}
