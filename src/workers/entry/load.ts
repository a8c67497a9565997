/**
 * Loads the library as a script: of a script, unlike of a module, V8 gives out what it has compiled, and takes it
 * back in the next worker. That is a third of the time that a worker takes beyond a bare one. `index.js` is made of
 * this and of a list of the library's exports; bundlers, which could not follow it, are given `module.js`.
 *
 * The text goes to the worker together with the cache, since V8 compares no more than their lengths.
 *
 * In a realm of `node:vm`, as Jest gives to each test, it runs in that realm, where a Script of this kind would not:
 * what it makes are arrays and errors of the realm that imports it.
 *
 * It is two scripts: `library.cjs`, which each worker runs, and `rest.cjs`, which a worker runs when it first needs
 * something of it.
 *
 * A second copy of one build in one realm, as of two dependencies, is not run: it is the first. So the objects of
 * both are of the same classes.
 */
import type { Script } from "node:vm";
import type { LibraryCode, ScriptCode } from "../library-code.js";
import type { ScriptLengths } from "../library-file.js";
import { CODE_DESCRIPTOR, processStart } from "../process-start.js";

type Library = Record<string, unknown>;
type Run = (module: { exports: Library }, require: (id: string) => unknown, meta: Meta, core?: Library) => void;

interface Meta {
  readonly url: string;
  readonly code: (isSeasoned: boolean) => LibraryCode;
  readonly import: (url: string) => Promise<unknown>;
  /** It was started with code by another: it loads the rest when it needs it. */
  readonly isWorker: boolean;
  /** Runs the rest of the library, which finds in `core` what it needs of this part. */
  readonly rest: (core: Library) => Library;
}

/** `url`: of the module that exports it all. `build`: the same for copies of one text. */
export function load(core: URL, rest: URL, url: string, build: string): Library {
  const realm = globalThis as unknown as Record<symbol, Library | undefined>;
  const key = Symbol.for(`allcores.library@${build}`);
  return (
    realm[key] ??
    run(
      core,
      rest,
      url,
      (library) =>
        void Object.defineProperty(realm, key, {
          __proto__: null,
          value: library,
          configurable: true,
        } as PropertyDescriptor),
    )
  );
}

function run(coreFile: URL, restFile: URL, url: string, done: (library: Library) => void): Library {
  const given = codeOfThread() ?? codeOfProcess();
  const core = new Part(coreFile, given?.core);
  let rest: Part | undefined;
  const meta: Meta = {
    url,
    isWorker: given !== undefined,
    // A thread that was given no code has run both.
    code: (isSeasoned) => ({ core: core.code(), rest: rest === undefined ? given!.rest : rest.code(), isSeasoned }),
    import: (url) => import(/* webpackIgnore: true */ /* @vite-ignore */ url),
    rest: (needed) => (rest = new Part(restFile, given?.rest)).run(meta, needed),
  };
  return core.run(meta, undefined, done);
}

/** One of the scripts. */
class Part {
  readonly #file: URL;
  /** The text, where other threads have it too. */
  readonly #shared: Uint8Array | undefined;
  readonly #text: string;
  readonly #script: Script;

  constructor(file: URL, given: ScriptCode | undefined) {
    this.#file = file;
    if (given?.text.buffer instanceof SharedArrayBuffer) this.#shared = given.text;
    this.#text =
      given === undefined ? process.getBuiltinModule("node:fs").readFileSync(file, "latin1") : latin1(given.text);
    const { Script } = process.getBuiltinModule("node:vm");
    this.#script = new Script(this.#text, {
      filename: file.href,
      ...(given !== undefined && { cachedData: given.cache }),
    });
  }

  run(meta: Meta, core?: Library, done?: (library: Library) => void): Library {
    const module = { exports: {} };
    // Node's own objects are of the main realm.
    const isMainRealm = process.getBuiltinModule("node:vm") instanceof Object;
    const start = (isMainRealm ? undefined : runHere(this.#text, this.#file)) ?? this.#script.runInThisContext();
    (start as Run)(module, process.getBuiltinModule as (id: string) => unknown, meta, core);
    done?.(module.exports);
    return module.exports;
  }

  code(): ScriptCode {
    return {
      text: this.#shared ?? shared(Buffer.from(this.#text, "latin1")),
      cache: shared(this.#script.createCachedData()),
    };
  }
}

/** Undefined where the context lets no text become code. */
function runHere(text: string, file: URL): unknown {
  try {
    // biome-ignore lint/security/noGlobalEval: it alone runs a script in the realm of its caller.
    return globalThis.eval(`${text}\n//# sourceURL=${file.href}`) as unknown;
  } catch (error) {
    if ((error as Error).name === "EvalError") return undefined;
    throw error;
  }
}

function codeOfThread(): LibraryCode | undefined {
  const { isMainThread, workerData } = process.getBuiltinModule("node:worker_threads");
  return isMainThread
    ? undefined
    : (workerData as { allcores?: { code?: LibraryCode } } | null | undefined)?.allcores?.code;
}

/** A child of ours finds it in a file that it has inherited, which stays open for the rest. */
function codeOfProcess(): LibraryCode | undefined {
  const file = processStart()?.code;
  if (file === undefined) return undefined;
  const { core, rest } = file;
  return {
    // Read when it is asked for, and not kept.
    get core() {
      return partAt(0, core);
    },
    get rest() {
      return partAt(core.text + core.cache, rest);
    },
    isSeasoned: true,
  };
}

function partAt(position: number, { text, cache }: ScriptLengths): ScriptCode {
  const bytes = Buffer.allocUnsafeSlow(text + cache);
  process.getBuiltinModule("node:fs").readSync(CODE_DESCRIPTOR, bytes, 0, bytes.length, position);
  return { text: bytes.subarray(0, text), cache: bytes.subarray(text) };
}

function latin1({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString("latin1");
}

function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}
