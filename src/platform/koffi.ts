/**
 * koffi, which calls native code and needs no compiler. It is loaded by the first object that reaches across processes,
 * never by a program that uses threads only.
 */
import { getEnvironmentData, setEnvironmentData } from "node:worker_threads";
import type * as Koffi from "koffi";
import { ownUrl } from "./own-url.js";
import { isVisible } from "./visible-file.js";

const BINDING = "allcores.binding@1";

/**
 * Where the native part of koffi is: what a child is told, and threads that are started from here on find by
 * themselves.
 */
export function binding(): string | undefined {
  return getEnvironmentData(BINDING) as string | undefined;
}

export function useBinding(path: string | undefined): void {
  if (path !== undefined) setEnvironmentData(BINDING, path);
}

/**
 * koffi's modules list each other by `for … in`, which would meet what somebody has added to `Object.prototype`: that
 * is not listed meanwhile.
 */
function withoutInherited<T>(load: () => T): T {
  const listed = Object.keys(Object.prototype).filter(
    (name) => Object.getOwnPropertyDescriptor(Object.prototype, name)!.configurable,
  );
  const list = (enumerable: boolean) => {
    for (const name of listed)
      Object.defineProperty(Object.prototype, name, Object.assign(Object.create(null), { enumerable }));
  };
  list(false);
  try {
    return load();
  } finally {
    list(true);
  }
}

/**
 * The first worker that needs it has koffi look for its native part, which takes ten times as long as loading that; the
 * others load it from there.
 */
export function loadKoffi(): typeof Koffi {
  const known = binding();
  if (known !== undefined && isVisible(known)) {
    const module = { exports: {} };
    process.dlopen(module, known);
    return module.exports as typeof Koffi;
  }
  // Not imported: a bundler would take it for its own to resolve.
  const require = process.getBuiltinModule("node:module").createRequire(ownUrl(import.meta.url));
  const koffi = withoutInherited(() => require("koffi") as typeof Koffi);
  useBinding(Object.keys(require.cache).find((file) => file.endsWith("koffi.node")));
  return koffi;
}
