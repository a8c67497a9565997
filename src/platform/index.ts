import { isMainThread } from "node:worker_threads";
import { PlatformError } from "../errors/index.js";
import { checkDescriptors, isOutOfDescriptors, outOfDescriptors } from "./descriptors.js";
import { checkPermission, SHARED_MEMORY } from "./permission.js";
import type { Platform } from "./contract.js";
import { linux } from "./linux/index.js";

export { binding, useBinding } from "./linux/index.js";
export type { Platform } from "./contract.js";

let loaded: Platform | undefined;
let guard = <R>(section: () => R): R => section();

/** From here on native code is loaded, and makes objects, within `by`: see memory/addon-guard.ts. */
export function guardAddons(by: <R>(section: () => R) => R): void {
  guard = by;
}

/** This system's way of sharing memory between processes, loaded on first use. Throws `PlatformError` where there is none. */
export function platform(): Platform {
  if (loaded !== undefined) return loaded;
  if (process.platform !== "linux") {
    throw new PlatformError(
      `sharing memory between processes needs Linux, this is ${process.platform}: Process, ProcessPool and objects with { across: "processes" } are not available; ` +
        `threads are: use Thread, ThreadPool and { across: "threads" }`,
    );
  }
  checkPermission("memory that processes share", SHARED_MEMORY);
  try {
    loaded = isMainThread ? linux() : guard(guarded);
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    // Nothing is wrong with the installation then: once files are closed it loads. The loader of libraries tells that by a text only.
    const what = "loading the koffi package";
    if (isOutOfDescriptors(error)) throw outOfDescriptors(what, error);
    checkDescriptors(1, what);
    throw new PlatformError(`sharing memory between processes needs the koffi package, which could not be loaded; reinstall allcores with its dependencies`, {
      cause: error,
    });
  }
  return loaded;
}

/** For a thread. A view is an object that the addon makes, which fails in a thread that is being terminated; the calls that go through it to the system take and give numbers, and do not. */
function guarded(): Platform {
  const system = linux();
  return { ...system, view: (address, bytes) => guard(() => system.view(address, bytes)) };
}
