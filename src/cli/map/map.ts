/** `allcores map`: puts inputs, pool, output and journal together. */
import { readFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { AsyncPool, type Pool, ProcessPool, type Task, taskModule, ThreadPool } from "../../index.js";
import { didYouMean } from "../closest.js";
import { CommandFailure, firstLine } from "../command-failure.js";
import { EXIT } from "../exit-code.js";
import { Report } from "../report.js";
import { digestOf } from "./digest.js";
import { inputsOf } from "./inputs.js";
import { Journal, type JournalHead } from "./journal.js";
import { type Exports, functionsIn, localModule } from "./local-module.js";
import type { MapSettings } from "./map-settings.js";
import { FileOutput, type Output, StandardOutput } from "./output.js";
import { Progress } from "../progress.js";
import { ResultSink } from "./result-sink.js";
import { isAboutModule, Run } from "./run.js";
import { type TaskReference, taskReference } from "./task-reference.js";

type ItemTask = Task<(item: unknown) => unknown>;

/** Its exit code. @throws CommandFailure for what ends it before or between its items */
export async function map(text: string, given: readonly string[], settings: MapSettings): Promise<number> {
  if ((settings.retryFailed || settings.force) && settings.journal === undefined)
    throw new CommandFailure(EXIT.usage, `${settings.retryFailed ? "--retry-failed" : "--force"} is about a journal: give --journal FILE too`);
  const report = new Report(settings.json);
  const reference = taskReference(text);
  const inputs = await inputsOf(given, settings);
  const { pool, task } = await poolOf(reference, settings);
  const { output, journal } = await storeOf(reference, settings);
  if (journal?.isResumed === true) report.note(`goes on with ${journal.known.size} items that ${journal.path} knows`, { known: journal.known.size });
  const progress = new Progress(settings.progress, Array.isArray(inputs) ? inputs.length : undefined);
  report.clear = () => progress.clear();
  const sink = new ResultSink(output, journal, (error) => run.end(error));
  const run = new Run({ pool, task, inputs, sink, known: journal?.known, settings, report, progress });
  try {
    return await run.toEnd();
  } catch (error) {
    pool.terminate();
    throw await clearer(error, reference, settings);
  } finally {
    progress.stop();
  }
}

async function poolOf(reference: TaskReference, settings: MapSettings): Promise<{ pool: Pool; task: ItemTask }> {
  const { model, workers, retries, memory } = settings;
  const options = { workers, taskTimeout: settings.timeout, retries: retries === 0 ? 0 : { limit: retries, when: isWorthATry } };
  if (model !== "async") {
    const limits = memory === undefined ? {} : { resourceLimits: { heap: memory } };
    const pool = new (model === "thread" ? ThreadPool : ProcessPool)({ ...options, ...limits });
    return { pool, task: taskModule<Record<string, (item: unknown) => unknown>>(reference.url)[reference.name] as ItemTask };
  }
  if (memory !== undefined) throw new CommandFailure(EXIT.usage, "--memory is for workers, and --model async has none: it runs in this process");
  const exports = await localModule(reference);
  const task = exports[reference.name];
  if (typeof task !== "function") throw noExport(reference, exports);
  return { pool: new AsyncPool(options), task: task as ItemTask };
}

/** What cannot be loaded once cannot be loaded twice. */
function isWorthATry(error: unknown): boolean {
  return !isAboutModule(error);
}

async function storeOf(reference: TaskReference, settings: MapSettings): Promise<{ output: Output; journal: Journal | undefined }> {
  const keeps = settings.journal !== undefined;
  const file = settings.output === undefined ? undefined : await FileOutput.open(settings.output, keeps);
  if (settings.journal === undefined) return { output: file ?? new StandardOutput(), journal: undefined };
  const journal = await Journal.open(settings.journal, headOf(reference, settings), file?.size, settings.force);
  await file?.cut(journal.outputEnd);
  return { output: file ?? new StandardOutput(), journal };
}

function headOf({ url, name, file }: TaskReference, settings: MapSettings): JournalHead {
  return {
    module: file === undefined ? url : relative(process.cwd(), file),
    export: name,
    source: file === undefined ? "" : digestOf(readFileSync(file)),
    input: settings.input,
    lines: settings.lines,
    order: settings.asCompleted ? "as completed" : "in order",
    output: settings.output === undefined ? "stdout" : resolve(settings.output),
  };
}

/** Says which export may have been meant, since the worker knows the registered tasks only. */
async function clearer(error: unknown, reference: TaskReference, settings: MapSettings): Promise<unknown> {
  if (!isAboutModule(error)) return error;
  const { code, cause } = error as { code: string; cause?: unknown };
  if (code === "ERR_ALLCORES_TASK_NOT_FOUND" && settings.model !== "async") return noExport(reference, await localModule(reference));
  // What the module threw, and not which worker heard of it; else what this Node lacks for such a module.
  const isThrown = cause instanceof Error && /^\S+ could not load /.test(firstLine(error));
  const reason = isThrown ? `${cause.name}: ${firstLine(cause)}` : firstLine(error);
  return new CommandFailure(EXIT.task, `${reference.text} could not be loaded: ${reason}`);
}

function noExport({ name, text }: TaskReference, exports: Exports): CommandFailure {
  const names = functionsIn(exports);
  const listed = names.length === 0 ? "it exports no function" : `it exports ${names.join(", ")}`;
  return new CommandFailure(EXIT.task, `${text}: the module has no function ${name}${didYouMean(name, names) || `; ${listed}`}`);
}
