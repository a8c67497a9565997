/**
 * Which modules a message may name: of those alone a worker loads one because an instance of its class arrived, or takes a task. A message is bytes in memory, and loading
 * a module runs it; so what arrives chooses among the modules of the program, and brings none.
 *
 * Allowed without being asked: modules that this worker knows, since they registered a task or a class here or its starter ordered it to load them, and other files of the same
 * projects, the program's main module's among them. A project is the outermost folder with a package.json above a file, seen from outside of node_modules. Nothing but `file:` is ever
 * taken for part of one: no `data:`, `http:`, `node:` or `blob:`.
 * What comes from another program's memory, or from `unpack`, has nothing loaded: it finds what is registered here already.
 * Rejected: asking a callback (it would run between taking a message and giving it out); no loading at all (a consumer would have to import the classes of all its producers).
 */
import fs from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ModuleNotAllowedError, UnknownClassError } from "../errors/index.js";
import { type ModuleSource, moduleUrl } from "./module-url.js";

/** Where a message comes from, as a heap says it of what lies in it. */
export interface Origin {
  /** Whether others than this program's workers write there. */
  readonly isForeign: boolean;
}

export const FROM_HERE: Origin = { isForeign: false };
export const FROM_ELSEWHERE: Origin = { isForeign: true };

/** What the user allowed: whole URLs, and folders, which end in "/". */
const allowed = new Set<string>();
const known = new Set<string>();
/** Projects of the known modules; those that were not looked up yet wait, since most programs never ask. */
const projects = new Set<string>();
let waiting: (string | undefined)[] = [undefined];

/**
 * Lets messages name these modules too: instances of `sendable()` classes may then have them loaded here, and tasks of theirs may arrive. A folder, `new URL("./plugins/", import.meta.url)`, stands for
 * all files in it. It counts for the calling thread: call it at the top level of a module that every receiver loads.
 *
 * Without it a message may name the modules that registered something here, and files of the same project (the outermost folder with a package.json), never `data:`, `http:`,
 * `node:` or `blob:`. Messages from another program (`across: "machine"`, `unpack`) never have a class's module loaded; of tasks they may name those that are registered here, or allowed by this.
 *
 * @throws ArgumentTypeError for what names no module
 *
 * @example
 * ```ts
 * import { allowModules } from "allcores";
 * allowModules(new URL("file:///opt/plugins/"), import.meta);
 * ```
 */
export function allowModules(...from: ModuleSource[]): void {
  for (const url of from.map((each) => moduleUrl("allowModules", each))) allowed.add(url);
}

/** The module was named by this worker's own code or by who started it. */
export function knowModule(url: string): void {
  if (known.has(url)) return;
  known.add(url);
  if (url.startsWith("file:")) waiting.push(url);
}

/** Whether a message of this origin may name the module. */
export function isAllowed(url: string, { isForeign }: Origin): boolean {
  let plain: string;
  try {
    // Without steps upwards, which would lead out of a folder.
    plain = new URL(url).href;
  } catch {
    return false;
  }
  if (plain !== url) return false;
  if (allowed.has(url) || isIn(allowed, url)) return true;
  if (isForeign) return false;
  if (known.has(url)) return true;
  if (!url.startsWith("file:")) return false;
  for (const module of waiting) projects.add(projectOf(module));
  waiting = [];
  return isIn(projects, url);
}

/** @throws ModuleNotAllowedError */
export function checkAllowed(url: string, what: string, origin: Origin): void {
  if (!isAllowed(url, origin)) throw new ModuleNotAllowedError(url, what);
}

/**
 * Decodes; a class that arrives before its module was loaded here has it loaded, if it may be.
 * @throws ModuleNotAllowedError; UnknownClassError when the message is not from this program, or the module registers no such class
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
      if (!(error instanceof UnknownClassError) || origin.isForeign || loaded.has(error.module)) throw error;
      checkAllowed(error.module, `an instance of class ${error.className}`, origin);
      loaded.add(error.module);
      await load(error.module);
    }
  }
}

function isIn(folders: ReadonlySet<string>, url: string): boolean {
  for (const folder of folders) if (folder.endsWith("/") && url.startsWith(folder)) return true;
  return false;
}

/** The folder of the project that a file belongs to, undefined for the main module's; it ends in "/". */
function projectOf(url: string | undefined): string {
  const started = process.argv[1];
  let folder: string;
  if (url !== undefined) folder = dirname(fileURLToPath(url));
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
    if (fs.existsSync(join(at, "package.json"))) project = at;
  }
  const href = pathToFileURL(project).href;
  return href.endsWith("/") ? href : `${href}/`;
}
