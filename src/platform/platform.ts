/** This system's implementation of the contract. */
import { isMainThread } from "node:worker_threads";
import { PlatformError } from "../errors/index.js";
import type { Platform, ProcessPlatform } from "./contract.js";
import { checkDescriptors, isOutOfDescriptors, outOfDescriptors } from "./descriptors.js";
import { linux } from "./linux/index.js";
import { checkOwnFile, ownUrl } from "./own-url.js";
import { checkPermission } from "./permission.js";
import { portable } from "./portable/index.js";

/**
 * Internal: "portable" has a program run as on a system that has no implementation, for the tests. All its workers must
 * agree.
 */
const FORCED = process.env.ALLCORES_PLATFORM;

export const platform: Platform = process.platform === "linux" && FORCED !== "portable" ? linux : portable;

let loaded: ProcessPlatform | undefined;
let guard = <R>(section: () => R): R => section();

/** From here on native code is loaded, and makes objects, within `by`: see memory/addon-guard.ts. */
export function guardAddons(by: <R>(section: () => R) => R): void {
  guard = by;
}

/**
 * What processes need of this system, loaded on first use. @throws PlatformError where there is none; PermissionError;
 * StateError in a bundle that is told to be elsewhere
 */
export function processPlatform(): ProcessPlatform {
  if (loaded !== undefined) return loaded;
  checkPermission("memory that processes share", platform.needs);
  try {
    loaded = isMainThread ? platform.processes() : guard(guarded);
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    // Nothing is wrong with the installation then: once files are closed it loads. The loader of libraries tells that
    // by a text only.
    const what = "loading the koffi package";
    if (isOutOfDescriptors(error)) throw outOfDescriptors(what, error);
    checkDescriptors(1, what);
    checkOwnFile(ownUrl(import.meta.url));
    throw new PlatformError(
      `sharing memory between processes needs the koffi package, which could not be loaded; reinstall allcores with its dependencies`,
      {
        cause: error,
      },
    );
  }
  return loaded;
}

/**
 * For a thread. A view is an object that the addon makes, which fails in a thread that is being terminated; the calls
 * that go through it to the system take and give numbers, and do not.
 */
function guarded(): ProcessPlatform {
  const system = platform.processes();
  return {
    ...system,
    memory: { ...system.memory, view: (address, bytes) => guard(() => system.memory.view(address, bytes)) },
  };
}
