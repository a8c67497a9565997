/** Which function `MODULE#EXPORT` names. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { builtinModules, createRequire } from "node:module";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { closest } from "../closest.js";
import { CommandFailure } from "../command-failure.js";
import { EXIT } from "../exit-code.js";

export interface TaskReference {
  readonly url: string;
  readonly name: string;
  /** The file, where the module is one. */
  readonly file: string | undefined;
  /** As the user wrote it. */
  readonly text: string;
}

/** @throws CommandFailure where there is no such module; the export is looked for in the worker, which loads it */
export function taskReference(text: string, folder = process.cwd()): TaskReference {
  const at = text.lastIndexOf("#");
  const [module, name] = at < 0 ? [text, "default"] : [text.slice(0, at), text.slice(at + 1) || "default"];
  if (module === "") throw new CommandFailure(EXIT.usage, `${text} names no module: write it as ./module.js#export`);
  const url = urlOf(module, folder);
  return { url, name, file: url.startsWith("file:") ? fileURLToPath(url) : undefined, text };
}

function urlOf(module: string, folder: string): string {
  if (module.startsWith("node:") || builtinModules.includes(module))
    return module.startsWith("node:") ? module : `node:${module}`;
  const path = module.startsWith("file:") ? fileURLToPath(module) : resolve(folder, module);
  const found = sourceAt(path);
  if (found !== undefined) return pathToFileURL(found).href;
  if (module.startsWith("file:") || /^[./]/.test(module) || /\.[cm]?[jt]sx?$/.test(module))
    throw notThere(module, path, folder);
  try {
    return pathToFileURL(createRequire(join(folder, "x.js")).resolve(module)).href;
  } catch {
    throw notThere(module, path, folder);
  }
}

/** Where `work.js` is not there but `work.ts` is, that is meant, as everywhere in TypeScript. */
function sourceAt(path: string): string | undefined {
  const isFile = (file: string): boolean => existsSync(file) && statSync(file).isFile();
  if (isFile(path)) return path;
  const source = path.replace(/\.([cm]?)js$/, ".$1ts");
  return source !== path && isFile(source) ? source : undefined;
}

function notThere(module: string, path: string, folder: string): CommandFailure {
  const near = dirname(path);
  const names =
    existsSync(near) && statSync(near).isDirectory()
      ? readdirSync(near).filter((name) => /\.[cm]?[jt]sx?$/.test(name))
      : [];
  const meant = closest(basename(path), names);
  const hint = meant === undefined ? "" : `; did you mean ./${relative(folder, join(near, meant))}?`;
  return new CommandFailure(EXIT.task, `there is no module ${module}${hint}`);
}
