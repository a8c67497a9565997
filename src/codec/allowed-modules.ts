/**
 * Which modules a message may name: of those alone a worker loads one because an instance of its class arrived, or
 * takes a task. A message is bytes in memory, and loading a module runs it; so what arrives chooses among the modules
 * of the program, and brings none.
 *
 * Allowed without being asked: modules that this worker knows, since they registered a task or a class here or its
 * starter ordered it to load them, and other files of the same projects, the program's main module's among them. A
 * project is the outermost folder with a package.json above a file, seen from outside of node_modules. Nothing but
 * `file:` is ever taken for part of one: no `data:`, `http:`, `node:` or `blob:`. Files are compared by their real
 * paths; a `?` or `#` that was not registered makes another module, and is refused. The program's main module is never
 * loaded because an instance of its class arrived: that would run the program again. What comes from another program's
 * memory, or from `unpack`, has nothing loaded: it finds what is registered here already.
 * Rejected: asking a callback (it would run between taking a message and giving it out); no loading at all (a consumer
 * would have to import the classes of all its producers).
 */
import fs from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import {
  ModuleNotAllowedError,
  UnknownClassError,
  isAllcoresError,
  TaskLoadError,
  textOfThrown,
} from "../errors/index.js";
import { hintOfVersions, together } from "../memory/index.js";
import { isVisible } from "../platform/index.js";
import { isMainModule, mainProgram } from "./main-module.js";
import { moduleName, type ModuleSource, moduleUrl } from "./module-url.js";

/** Where a message comes from, as a heap says it of what lies in it. */
export interface Origin {
  /** Whether others than this program's workers write there. */
  readonly isForeign: boolean;
}

export const FROM_HERE: Origin = { isForeign: false };
export const FROM_ELSEWHERE: Origin = { isForeign: true };

const { allowed, known, projects, waiting } = together("modules", () => ({
  /** What the user allowed: names of modules, and of folders, which end in "/". */
  allowed: new Set<string>(),
  /** As they were registered, and by their names. */
  known: new Set<string>(),
  /** Projects of the known modules; those that were not looked up yet wait, since most programs never ask. */
  projects: new Set<string>(),
  waiting: [undefined] as (string | undefined)[],
}));
/** Looking up a real path asks the file system. */
const names = new Map<string, string | undefined>();
const MOST_NAMES = 1000;

/**
 * Lets messages name these modules too: instances of `sendable()` classes may then have them loaded here, and tasks of
 * theirs may arrive. A folder, `new URL("./plugins/", import.meta.url)`, stands for all files in it. It counts for the
 * calling thread: call it at the top level of a module that every receiver loads.
 *
 * Without it a message may name the modules that registered something here, and files of the same project (the
 * outermost folder with a package.json), never `data:`, `http:`, `node:` or `blob:`. Messages from another program
 * (`across: "machine"`, `unpack`) never have a class's module loaded; of tasks they may name those that are registered
 * here, or allowed by this.
 *
 * @param from modules or folders, as `import.meta`, URLs or paths
 * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for what names no module
 * @remarks **Cost:** an entry in a table.
 *
 * @example
 * ```ts
 * import { allowModules } from "allcores";
 * allowModules(new URL("file:///opt/plugins/"), import.meta);
 * ```
 */
export function allowModules(...from: ModuleSource[]): void {
  for (const url of from.map((each) => moduleUrl("allowModules", each))) {
    const name = moduleName(url) ?? url;
    allowed.add(url.endsWith("/") && !name.endsWith("/") ? `${name}/` : name);
  }
}

/** The module was named by this worker's own code or by who started it. */
export function knowModule(url: string): void {
  if (known.has(url)) return;
  known.add(url);
  waiting.push(url);
}

/** Whether a message of this origin may name the module. */
export function isAllowed(url: string, { isForeign }: Origin): boolean {
  if (!isForeign && known.has(url)) return true;
  const name = nameOf(url);
  if (name === undefined) return false;
  if (allowed.has(name) || isIn(allowed, name)) return true;
  if (isForeign) return false;
  for (const module of waiting.splice(0)) {
    if (module !== undefined) known.add(nameOf(module) ?? module);
    if (module === undefined || module.startsWith("file:")) projects.add(projectOf(module));
  }
  if (known.has(name)) return true;
  return name.startsWith("file:") && !/[?#]/.test(name) && isIn(projects, name);
}

function nameOf(url: string): string | undefined {
  if (names.has(url)) return names.get(url);
  const name = moduleName(url);
  if (names.size >= MOST_NAMES) names.clear();
  names.set(url, name);
  return name;
}

/** @throws ModuleNotAllowedError */
export function checkAllowed(url: string, what: string, origin: Origin): void {
  if (!isAllowed(url, origin)) throw new ModuleNotAllowedError(url, what);
}

/**
 * Decodes; a class that arrives before its module was loaded here has it loaded, if it may be.
 * @throws ModuleNotAllowedError, also for a class of the program's main module; UnknownClassError when the message is
 *   not from this program, or the module registers no such class; TaskLoadError when the module cannot be loaded
 */
export async function decodeLoading<T>(
  decodeIt: () => T | PromiseLike<T>,
  origin: Origin,
  load: (url: string) => Promise<unknown> = (url) => import(/* webpackIgnore: true */ /* @vite-ignore */ url),
): Promise<T> {
  for (const loaded = new Set<string>(); ; ) {
    try {
      return await decodeIt();
    } catch (error) {
      if (!(error instanceof UnknownClassError) || origin.isForeign) throw error;
      if (loaded.has(error.module)) {
        error.message += hintOfVersions(error.module, error.className);
        throw error;
      }
      checkAllowed(error.module, `an instance of class ${error.className}`, origin);
      if (isMainModule(error.module)) throw ModuleNotAllowedError.ofMain(error.module, error.className);
      loaded.add(error.module);
      try {
        await load(error.module);
      } catch (cause) {
        if (isAllcoresError(cause)) throw cause;
        throw new TaskLoadError(
          `an instance of class ${error.className} arrived, but its module ${error.module} could not be loaded here: ${textOfThrown(cause)}`,
          { cause },
        );
      }
    }
  }
}

function isIn(folders: ReadonlySet<string>, url: string): boolean {
  for (const folder of folders) if (folder.endsWith("/") && url.startsWith(folder)) return true;
  return false;
}

/** The folder of the project that a file belongs to, undefined for the main module's; it ends in "/". */
function projectOf(url: string | undefined): string {
  const started = mainProgram();
  let folder: string;
  if (url !== undefined) folder = dirname(fileURLToPath(nameOf(url) ?? url));
  else if (started === undefined) {
    try {
      folder = process.cwd();
    } catch {
      // It was deleted: no file can be of that project.
      return "";
    }
  } else {
    try {
      folder = dirname(fs.realpathSync(started));
    } catch {
      folder = dirname(started);
    }
  }
  const [outside] = `${folder}/`.split(/[/\\]node_modules[/\\]/);
  let project = outside!.length > 0 ? outside! : folder;
  for (let at = project, above = dirname(at); above !== at; at = above, above = dirname(at)) {
    // Not the root of all files, whatever lies there.
    if (isVisible(join(at, "package.json"))) project = at;
  }
  const href = pathToFileURL(project).href;
  return href.endsWith("/") ? href : `${href}/`;
}
