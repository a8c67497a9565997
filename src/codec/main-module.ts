/**
 * The module that a program was started with: it runs once, and no worker runs it again because a class of it arrived.
 */
import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { together } from "../memory/index.js";
import { isVisible } from "../platform/index.js";

const given = together<{ path?: string | undefined }>("mainProgram", () => ({}));

/**
 * The path of the program, as Node was given it; of a child that was started by this library, its program's. Undefined
 * where there is none, as in a shell.
 */
export function mainProgram(): string | undefined {
  return given.path ?? process.argv[1];
}

/** In a worker: the program of its starter. */
export function setMainProgram(path: string | undefined): void {
  given.path = path;
}

/** Whether a module is the one that the program was started with. */
export function isMainModule(url: string): boolean {
  const started = mainProgram();
  if (started === undefined || !url.startsWith("file:")) return false;
  try {
    const module = fs.realpathSync.native(fileURLToPath(url));
    const program = fs.realpathSync.native(withExtension(started));
    // A folder stands for its index.
    return (
      module === program ||
      (module.startsWith(program) && /^[/\\]index\.[cm]?[jt]sx?$/.test(module.slice(program.length)))
    );
  } catch {
    return false;
  }
}

/** `node program` finds program.js. */
function withExtension(path: string): string {
  if (isVisible(path)) return path;
  return (
    [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"]
      .map((extension) => path + extension)
      .find((file) => isVisible(file)) ?? path
  );
}
