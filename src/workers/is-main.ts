import fs from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";
import { isUrl, type ModuleSource, moduleUrl } from "../codec/index.js";
import { StateError } from "../errors/index.js";
import { workerState } from "./worker-state.js";

/** What Node calls a program that stands on its command line or comes by its standard input. */
const EVALUATED = /\/\[eval\d*\]$/;
/**
 * How a loader may complete what was named on the command line, beside Node's own way: `tsx program` runs program.ts.
 */
const COMPLETED = /^([/\\]index)?\.[cm]?[jt]sx?$/;

/**
 * Whether the calling module is the program that was started, and not loaded as the home of a task in a worker:
 * Python's `if __name__ == "__main__"`. False in every worker, whatever
 * file it runs. In CommonJS: `isMain(module)` or `isMain(__filename)`.
 *
 * Code that starts workers stands behind it, because a worker loads the module of its task, and would start workers
 * itself.
 *
 * A bundler may put the source's own path in the place of `import.meta.url` (webpack does), or leave that empty
 * (esbuild, in CommonJS). Then nobody can tell, and it says so: by an error in the file that was started, by a warning
 * in others.
 *
 * @param from the calling module: `import.meta`, or `__filename` in CommonJS
 * @returns whether it is the program
 * @throws `ERR_ALLCORES_STATE` where the module says of itself that it is another than the one that runs;
 *   `ERR_ALLCORES_ARGUMENT_TYPE` for what names no module
 * @remarks **Cost:** a comparison of two paths.
 *
 * @example
 * ```ts
 * import { isMain } from "allcores";
 * if (isMain(import.meta)) console.log("started, not imported"); // started, not imported
 * ```
 */
export function isMain(from: ModuleSource): boolean {
  if (!isMainThread || workerState.model !== "main") return false;
  if (isEmpty(from)) throw untold("is empty");
  const url = moduleUrl("isMain", from);
  if (!url.startsWith("file:")) return false;
  if (EVALUATED.test(url)) return true;
  const started = startedFile();
  const module = fileURLToPath(url);
  if (started !== undefined && isSame(started, module)) return true;
  checkTold(module, started);
  return false;
}

/** What a bundler leaves of `import.meta`, or of a module in CommonJS, where it keeps neither. */
function isEmpty(from: ModuleSource): boolean {
  if (typeof from !== "object" || from === null || isUrl(from)) return false;
  return !("url" in from && from.url !== undefined) && !("filename" in from && from.filename !== undefined);
}

/**
 * The file of the program, as Node finds it: `node .` runs the package's "main", `node folder/server` runs server.js.
 */
function startedFile(): string | undefined {
  const named = process.argv[1];
  if (named === undefined) return undefined;
  try {
    // Not imported: a bundler would take it for its own to resolve.
    return process
      .getBuiltinModule("node:module")
      .createRequire(join(dirname(named), "_"))
      .resolve(named);
  } catch {
    return named;
  }
}

function isSame(started: string, module: string): boolean {
  const [program, file] = [realPath(started), realPath(module)];
  return program === file || (file.startsWith(program) && COMPLETED.test(file.slice(program.length)));
}

/** With symbolic links followed, as Node does unless it is told otherwise. */
function realPath(path: string): string {
  try {
    return fs.realpathSync(path);
  } catch {
    return path;
  }
}

let hasWarned = false;

/**
 * The module is not the program, if it is right about itself: it is when its file is among those whose code calls. In
 * another file than the program's the answer is most likely right all the same: a framework has loaded a bundle, or the
 * module's file was deleted.
 */
function checkTold(module: string, started: string | undefined): void {
  const callers = callingFiles();
  const caller = callers?.[0];
  if (caller === undefined || callers!.some((file) => isSame(file, module))) return;
  if (started !== undefined && isSame(started, caller)) throw untold(`says ${module}, but this is ${caller}`);
  if (hasWarned) return;
  hasWarned = true;
  process.emitWarning(
    `${untold(`says ${module}, but this is ${caller}`).message} It is taken for a module that was not started.`,
    {
      code: "ALLCORES_IS_MAIN",
    },
  );
}

function untold(how: string): StateError {
  return new StateError(
    `isMain(import.meta) cannot tell whether this is the program that was started: its import.meta.url ${how}, as a bundler may leave it. Have the bundler keep import.meta ` +
      "(webpack: module.parser.javascript.importMeta = false, in an ES module; esbuild: format esm, or --define:import.meta=module), write isMain(module) in CommonJS, or leave the bundle's first file unbundled.",
  );
}

/** The files whose code stands on the stack above `isMain`, the caller's first; undefined where nobody may ask. */
function callingFiles(): string[] | undefined {
  const { prepareStackTrace, stackTraceLimit } = Error;
  try {
    Error.stackTraceLimit = Number.POSITIVE_INFINITY;
    Error.prepareStackTrace = (_error, frames) => frames.flatMap((frame) => pathOf(frame.getFileName()));
    const holder: { stack?: unknown } = {};
    Error.captureStackTrace(holder, isMain);
    return holder.stack as string[];
  } catch {
    return undefined;
  } finally {
    if (prepareStackTrace !== Error.prepareStackTrace) Error.prepareStackTrace = prepareStackTrace;
    if (stackTraceLimit !== Error.stackTraceLimit) Error.stackTraceLimit = stackTraceLimit;
  }
}

/** A module of Node, or what was evaluated, is in no file. */
function pathOf(name: string | null | undefined): string[] {
  if (name?.startsWith("file:") === true) return [fileURLToPath(name)];
  return name?.startsWith("/") === true ? [name] : [];
}
