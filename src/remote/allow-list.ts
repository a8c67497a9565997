/**
 * Which modules a worker runs tasks of. A message says the name of a task; which file that is, only this list says: it
 * is looked for among what the worker's owner allowed, and nothing else is ever imported.
 */
import fs from "node:fs";
import { createRequire } from "node:module";
import { join, resolve, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ArgumentTypeError, ModuleNotAllowedError } from "../errors/index.js";
import { type PackageHere, packageIn, packageOf, type RemoteName } from "./identity.js";

const EXTENSIONS = [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", "/index.js", "/index.ts"];

/** A package, of which a file, a folder or all is allowed. */
interface Allowed extends PackageHere {
  /** Real path of what is allowed. */
  readonly root: string;
  readonly isFile: boolean;
}

export class AllowList {
  readonly #allowed: readonly Allowed[];
  readonly #build: string | undefined;
  readonly #found = new Map<string, string | undefined>();

  /**
   * `allow`: paths from the working folder or URLs of files and folders, or names of packages. `build`: in place of the
   * packages' versions. @throws ArgumentTypeError for what is not there
   */
  constructor(allow: readonly (string | URL)[], build: string | undefined) {
    this.#allowed = allow.map(allowedBy);
    this.#build = build;
  }

  /** As in "shop@1.2.0". */
  get builds(): string[] {
    return [...new Set(this.#allowed.map(({ name, version }) => `${name}@${this.#build ?? version}`))];
  }

  /**
   * The file of a task. Why this worker leaves it to others, where it has not got that build or module. @throws
   * ModuleNotAllowedError for a file of such a package that is not allowed
   */
  find({ package: name, build, entry }: RemoteName): { readonly url: string } | { readonly elsewhere: string } {
    const own = this.#allowed.filter((each) => each.name === name);
    if (own.length === 0) return { elsewhere: `it has no package ${name}, only ${this.builds.join(", ")}` };
    const builds = own.map(({ version }) => this.#build ?? version);
    if (!builds.includes(build)) return { elsewhere: `it has ${name}@${builds.join(", ")}, not ${name}@${build}` };
    const key = `${name}/${entry}`;
    let url = this.#found.get(key);
    if (url === undefined && !this.#found.has(key)) {
      url = this.#look(own, entry);
      if (this.#found.size < 10_000) this.#found.set(key, url);
    }
    return url === undefined ? { elsewhere: `${name}@${build} has no module ${entry} here` } : { url };
  }

  #look(own: readonly Allowed[], entry: string): string | undefined {
    for (const { folder } of own) {
      for (const extension of EXTENSIONS) {
        const file = real(join(folder, ...`${entry}${extension}`.split("/")));
        if (file === undefined || !fs.statSync(file).isFile()) continue;
        if (own.some((each) => (each.isFile ? file === each.root : file.startsWith(`${each.root}${sep}`))))
          return pathToFileURL(file).href;
        throw new ModuleNotAllowedError(pathToFileURL(file).href, "a remote task");
      }
    }
    return undefined;
  }
}

function allowedBy(allow: string | URL): Allowed {
  if (typeof allow !== "string" && !(allow instanceof URL))
    throw new ArgumentTypeError(`options.allow must be paths, URLs or names of packages, got ${typeof allow}`);
  const isUrl = allow instanceof URL || allow.startsWith("file:");
  const path = real(isUrl ? fileURLToPath(allow) : resolve(allow));
  if (path !== undefined) {
    const isFile = fs.statSync(path).isFile();
    const of = isFile ? packageOf(path) : packageOf(join(path, "x"));
    return { ...of, root: path, isFile };
  }
  const found = isUrl ? undefined : installed(String(allow));
  if (found === undefined)
    throw new ArgumentTypeError(
      `options.allow: there is no file, folder or package ${String(allow)} here, seen from ${process.cwd()}`,
    );
  return { ...found, root: found.folder, isFile: false };
}

/** A package by its name, from the working folder. */
function installed(name: string): PackageHere | undefined {
  const require = createRequire(join(process.cwd(), "package.json"));
  for (const folder of require.resolve.paths(name) ?? []) {
    const path = real(join(folder, name));
    const found = path === undefined ? undefined : packageIn(path);
    if (found !== undefined) return { ...found, folder: path! };
  }
  const own = packageOf(join(process.cwd(), "package.json"));
  return own.name === name ? { ...own, folder: real(own.folder) ?? own.folder } : undefined;
}

function real(path: string): string | undefined {
  try {
    return fs.realpathSync(path);
  } catch {
    return undefined;
  }
}
