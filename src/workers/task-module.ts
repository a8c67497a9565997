/** Loads the module of a task inside a worker, TypeScript included. */
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { decodeLoading, FROM_HERE, knowModule } from "../codec/index.js";
import { isThrown, TaskLoadError, textOfThrown } from "../errors/index.js";
import { isOutOfDescriptors, isVisible } from "../platform/index.js";
import { whileLoading } from "./load-gate.js";
import { beginTasks, loading } from "./main-guard.js";
import { type AnyFunction, onlyTask, registeredTask } from "./task.js";
import { workerState } from "./worker-state.js";

const TYPESCRIPT = /\.[cm]?tsx?(\?|$)/;
/** From here on Node strips types by itself and understands `using`; Node 22 strips but rejects `using`. */
const FIRST_NODE_FOR_TYPESCRIPT = 24;

/** Loads the module and finds the task. @throws TaskLoadError, TaskNotFoundError */
export async function loadTask(url: string, name: string): Promise<AnyFunction> {
  // An order of this worker's starter, which says what it runs.
  knowModule(url);
  const bundled = workerState.isBundled ? onlyTask(name) : undefined;
  const fn = bundled ?? registeredTask(url, name, await loadModule(url));
  if (!workerState.hasBegun) await beginTasks(bundled === undefined);
  return fn;
}

/** Loads a module as the home of a task or a class. @throws TaskLoadError */
export async function loadModule(url: string): Promise<Record<string, unknown>> {
  return await loading(() => importModule(url));
}

/**
 * As `loadTask`, in a program that goes on meanwhile and may start workers. @throws TaskLoadError, TaskNotFoundError
 */
export async function importTask(url: string, name: string): Promise<AnyFunction> {
  return registeredTask(url, name, await importModule(url));
}

async function importModule(url: string): Promise<Record<string, unknown>> {
  try {
    return await whileLoading(async () => {
      const file = sourceOf(url);
      if (TYPESCRIPT.test(file) && Number.parseInt(process.versions.node, 10) < FIRST_NODE_FOR_TYPESCRIPT)
        await registerTsx(file);
      return (await import(/* webpackIgnore: true */ /* @vite-ignore */ file)) as Record<string, unknown>;
    });
  } catch (error) {
    if (isThrown(error, TaskLoadError)) throw error;
    // Node remembers it, and would say so for ever.
    if (isOutOfDescriptors(error)) workerState.isSpoilt = true;
    throw new TaskLoadError(`${workerState.name} could not load ${url}: ${textOfThrown(error)}`, { cause: error });
  }
}

/** Where `work.js` is not there but `work.ts` is, as TypeScript itself reads such a name. */
function sourceOf(url: string): string {
  const source = url.replace(/\.([cm]?)js$/, ".$1ts");
  return source !== url && url.startsWith("file:") && !isVisible(new URL(url)) && isVisible(new URL(source))
    ? source
    : url;
}

let tsx: Promise<void> | undefined;

function registerTsx(url: string): Promise<void> {
  tsx ??= (async () => {
    let path: string;
    try {
      // Not resolve("tsx/esm/api"): that gives its CommonJS form, which looks for its loader in the wrong place.
      const require = process.getBuiltinModule("node:module").createRequire(url);
      const manifest = require.resolve("tsx/package.json");
      path = join(
        dirname(manifest),
        (require(manifest) as { exports: { "./esm/api": { import: { default: string } } } }).exports["./esm/api"].import
          .default,
      );
    } catch (cause) {
      throw new TaskLoadError(
        `${url} is TypeScript, which Node ${process.versions.node} runs only with tsx: npm install tsx, compile it to JavaScript, or use Node 24`,
        { cause },
      );
    }
    const { register } = (await import(
      /* webpackIgnore: true */ /* @vite-ignore */ pathToFileURL(path).href
    )) as typeof import("tsx/esm/api");
    register();
  })();
  return tsx;
}

/**
 * Decodes what another worker of this program sent; a class that arrives before its module was loaded here has it
 * loaded. @throws ModuleNotAllowedError
 */
export async function decodeWithClasses(decodeIt: () => unknown): Promise<unknown> {
  return await decodeLoading(decodeIt, FROM_HERE, loadModule);
}
