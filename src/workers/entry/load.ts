/**
 * Loads the library as a script: of a script, unlike of a module, V8 gives out what it has compiled, and takes it back
 * in the next worker. That is a third of the time that a worker takes beyond a bare one. `index.js` is made of this and
 * of a list of the library's exports; bundlers, which could not follow it, are given `module.js`.
 *
 * The text goes to the worker together with the cache, since V8 compares no more than their lengths.
 *
 * In a realm of `node:vm`, as Jest gives to each test, it runs in that realm, where a Script of this kind would not:
 * what it makes are arrays and errors of whoever imports it.
 *
 * A second copy of one build in one realm, as of two dependencies, is not run: it is the first. So the objects of both
 * are of the same classes.
 */
import type { LibraryCode } from "../library-code.js";
import { CODE_DESCRIPTOR, processStart } from "../process-start.js";

type Library = Record<string, unknown>;
type Meta = { readonly url: string; readonly code: (isSeasoned: boolean) => LibraryCode; readonly import: (url: string) => Promise<unknown> };
type Run = (module: { exports: Library }, require: (id: string) => unknown, meta: Meta) => void;

/** `build`: the same for copies of one text. */
export function load(url: string, build: string): Library {
  const realm = globalThis as unknown as Record<symbol, Library | undefined>;
  const key = Symbol.for(`allcores.library@${build}`);
  return (
    realm[key] ?? run(url, (library) => void Object.defineProperty(realm, key, { __proto__: null, value: library, configurable: true } as PropertyDescriptor))
  );
}

function run(url: string, done: (library: Library) => void): Library {
  const vm = process.getBuiltinModule("node:vm");
  const file = new URL("library.cjs", url);
  const ofThread = codeOfThread();
  const given = ofThread ?? codeOfProcess();
  const text = given === undefined ? process.getBuiltinModule("node:fs").readFileSync(file, "latin1") : latin1(given.text);
  const script = new vm.Script(text, { filename: file.href, ...(given !== undefined && { cachedData: given.cache }) });
  const module = { exports: {} };
  // Node's own objects are of the main realm.
  const start = (vm instanceof Object ? script.runInThisContext() : (runHere(text, file) ?? script.runInThisContext())) as Run;
  start(module, process.getBuiltinModule as (id: string) => unknown, {
    url,
    code: (isSeasoned) => ({ text: ofThread?.text ?? shared(Buffer.from(text, "latin1")), cache: shared(script.createCachedData()), isSeasoned }),
    import: (url) => import(url),
  });
  done(module.exports);
  return module.exports;
}

/** Undefined where the context lets no text become code. */
function runHere(text: string, file: URL): unknown {
  try {
    // biome-ignore lint/security/noGlobalEval: it alone runs a script in the realm of whoever calls it.
    return globalThis.eval(`${text}\n//# sourceURL=${file.href}`) as unknown;
  } catch (error) {
    if ((error as Error).name === "EvalError") return undefined;
    throw error;
  }
}

function codeOfThread(): LibraryCode | undefined {
  const { isMainThread, workerData } = process.getBuiltinModule("node:worker_threads");
  return isMainThread ? undefined : (workerData as { allcores?: { code?: LibraryCode } } | null | undefined)?.allcores?.code;
}

/** A child of ours finds it in a file that it has inherited. */
function codeOfProcess(): LibraryCode | undefined {
  const code = processStart()?.code;
  if (code === undefined) return undefined;
  const fs = process.getBuiltinModule("node:fs");
  const bytes = Buffer.allocUnsafe(code.text + code.cache);
  fs.readSync(CODE_DESCRIPTOR, bytes, 0, bytes.length, 0);
  fs.closeSync(CODE_DESCRIPTOR);
  return { text: bytes.subarray(0, code.text), cache: bytes.subarray(code.text), isSeasoned: true };
}

function latin1({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString("latin1");
}

function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}
