/** Loads a user's module in the command's own process: for `--model async`, and to say which exports there are. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { CommandFailure, firstLine } from "../command-failure.js";
import { EXIT } from "../exit-code.js";
import type { TaskReference } from "./task-reference.js";

/** From here on Node strips types by itself and understands `using`. */
const FIRST_NODE_FOR_TYPESCRIPT = 24;

export type Exports = Readonly<Record<string, unknown>>;

export async function localModule({ url, file, text }: TaskReference): Promise<Exports> {
  try {
    if (
      file !== undefined &&
      /\.[cm]?tsx?$/.test(file) &&
      Number.parseInt(process.versions.node, 10) < FIRST_NODE_FOR_TYPESCRIPT
    )
      await registerTsx(file);
    const loaded = (await import(url)) as Exports;
    const whole = loaded.default;
    // What a CommonJS module exports is one object, of which Node names only what it finds in the text.
    return typeof whole === "object" && whole !== null ? { ...(whole as Exports), ...loaded } : loaded;
  } catch (error) {
    throw error instanceof CommandFailure
      ? error
      : new CommandFailure(
          EXIT.task,
          `${text} could not be loaded: ${error instanceof Error ? `${error.name}: ` : ""}${firstLine(error)}`,
        );
  }
}

/** The names of the functions among them. */
export function functionsIn(exports: Exports): string[] {
  return Object.keys(exports).filter((name) => typeof exports[name] === "function");
}

async function registerTsx(file: string): Promise<void> {
  const require = createRequire(file);
  let manifest: string;
  try {
    manifest = require.resolve("tsx/package.json");
  } catch {
    throw new CommandFailure(
      EXIT.task,
      `${file} is TypeScript, which Node ${process.versions.node} runs only with tsx: npm install tsx, or use Node 24`,
    );
  }
  // Not its CommonJS form, which looks for its loader in the wrong place.
  const { exports } = require(manifest) as { exports: { "./esm/api": { import: { default: string } } } };
  const api = (await import(pathToFileURL(join(dirname(manifest), exports["./esm/api"].import.default)).href)) as {
    register(): unknown;
  };
  api.register();
}
