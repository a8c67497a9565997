/**
 * How tasks are called on every machine: `package@build/entry#export`. The entry is the path inside the package without
 * its extension, the build the package's version unless given. So a file's place on one machine is in no message.
 */
import fs from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { ArgumentTypeError, CorruptError } from "../errors/index.js";
import type { TaskIdentity } from "../workers/task.js";

const EXTENSION = /\.[cm]?[jt]sx?$/;

/** A package on this machine. */
export interface PackageHere {
  readonly folder: string;
  readonly name: string;
  readonly version: string;
}

/** A task's name, taken apart. */
export interface RemoteName {
  readonly package: string;
  readonly build: string;
  readonly entry: string;
  readonly export: string;
}

const packages = new Map<string, PackageHere>();

/** The package that a file belongs to: the next package.json above it that has a name, else its folder. */
export function packageOf(file: string): PackageHere {
  const start = dirname(file);
  const known = packages.get(start);
  if (known !== undefined) return known;
  let found: PackageHere | undefined;
  for (let at = start, last = ""; at !== last && found === undefined; last = at, at = dirname(at))
    found = packageIn(at);
  found ??= { folder: start, name: basename(start), version: "0.0.0" };
  packages.set(start, found);
  return found;
}

/** The package whose package.json stands in a folder, if it has a name. */
export function packageIn(folder: string): PackageHere | undefined {
  try {
    const { name, version } = JSON.parse(fs.readFileSync(join(folder, "package.json"), "utf8")) as {
      name?: unknown;
      version?: unknown;
    };
    if (typeof name === "string" && name !== "")
      return { folder, name, version: typeof version === "string" ? version : "0.0.0" };
  } catch {
    // There is none, or it says nothing.
  }
  return undefined;
}

/** The entry by which a file is known in its package. */
export function entryOf(file: string, { folder }: PackageHere): string {
  return relative(folder, file).split(sep).join("/").replace(EXTENSION, "");
}

const names = new Map<string, { readonly package: PackageHere; readonly entry: string }>();

/** @throws ArgumentTypeError for a task of no file */
export function remoteName({ url, name }: TaskIdentity, build: string | undefined): string {
  let known = names.get(url);
  if (known === undefined) {
    if (!url.startsWith("file:"))
      throw new ArgumentTypeError(
        `a remote worker finds tasks by the package that their file is in, and "${name}" is of ${url}, which is no file`,
      );
    let file = fileURLToPath(url);
    try {
      file = fs.realpathSync(file);
    } catch {
      // Only its name is needed here.
    }
    const of = packageOf(file);
    known = { package: of, entry: entryOf(file, of) };
    names.set(url, known);
  }
  return `${known.package.name}@${build ?? known.package.version}/${known.entry}#${name}`;
}

/** @throws CorruptError for what is no name of a task */
export function parseName(text: string): RemoteName {
  const found = /^(@[^@/#]+\/[^@/#]+|[^@/#]+)@([^/#]+)\/([^#]+)#(.+)$/.exec(text);
  const [, name, build, entry, exported] = found ?? [];
  const isPath =
    entry?.split("/").every((part) => part !== "" && part !== "." && part !== "..") === true &&
    !/[\\?:%\0]/.test(entry);
  if (!isPath)
    throw new CorruptError(`${JSON.stringify(text.slice(0, 200))} names no task: a name is package@build/entry#export`);
  return { package: name!, build: build!, entry: entry!, export: exported! };
}
