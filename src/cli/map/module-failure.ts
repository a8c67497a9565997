/** What is wrong with a module or its export, in one line. */
import { didYouMean } from "../closest.js";
import { CommandFailure, firstLine } from "../command-failure.js";
import { EXIT } from "../exit-code.js";
import { type Exports, functionsIn, localModule } from "./local-module.js";
import type { TaskReference } from "./task-reference.js";

const ABOUT_MODULE = new Set<unknown>([
  "ERR_ALLCORES_TASK_LOAD",
  "ERR_ALLCORES_TASK_NOT_FOUND",
  "ERR_ALLCORES_MODULE_NOT_ALLOWED",
]);

/** Whether the module, and not the item, is at fault. */
export function isAboutModule(error: unknown): boolean {
  return ABOUT_MODULE.has((error as { code?: unknown } | undefined)?.code);
}

/** Says which export may have been meant, since a worker knows the registered tasks only; other errors as they are. */
export async function moduleFailure(error: unknown, reference: TaskReference): Promise<unknown> {
  if (!isAboutModule(error)) return error;
  const { code, cause } = error as { code: string; cause?: unknown };
  if (code === "ERR_ALLCORES_TASK_NOT_FOUND") return noExport(reference, await localModule(reference));
  // What the module threw, and not which worker heard of it; else what this Node lacks for such a module.
  const isThrown = cause instanceof Error && /^\S+ could not load /.test(firstLine(error));
  const reason = isThrown ? `${cause.name}: ${firstLine(cause)}` : firstLine(error);
  return new CommandFailure(EXIT.task, `${reference.text} could not be loaded: ${reason}`);
}

export function noExport({ name, text }: TaskReference, exports: Exports): CommandFailure {
  const names = functionsIn(exports);
  const listed = names.length === 0 ? "it exports no function" : `it exports ${names.join(", ")}`;
  return new CommandFailure(
    EXIT.task,
    `${text}: the module has no function ${name}${didYouMean(name, names) || `; ${listed}`}`,
  );
}
