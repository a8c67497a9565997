/** `allcores map`: puts inputs, pool, output and journal together. */
import { readFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { CommandFailure } from "../command-failure.js";
import { EXIT } from "../exit-code.js";
import { Report } from "../report.js";
import { digestOf } from "./digest.js";
import { inputsOf } from "./inputs.js";
import { Journal, type JournalHead } from "./journal.js";
import { itemPool } from "./item-pool.js";
import type { MapSettings } from "./map-settings.js";
import { moduleFailure } from "./module-failure.js";
import { FileOutput, type Output, StandardOutput } from "./output.js";
import { Progress } from "../progress.js";
import { ResultSink } from "./result-sink.js";
import { Run } from "./run.js";
import { type TaskReference, taskReference } from "./task-reference.js";

/** Its exit code. @throws CommandFailure for what ends it before or between its items */
export async function map(text: string, given: readonly string[], settings: MapSettings): Promise<number> {
  if ((settings.retryFailed || settings.force) && settings.journal === undefined)
    throw new CommandFailure(
      EXIT.usage,
      `${settings.retryFailed ? "--retry-failed" : "--force"} is about a journal: give --journal FILE too`,
    );
  const report = new Report(settings.json);
  const reference = taskReference(text);
  const inputs = await inputsOf(given, settings);
  const { pool, task, chosen } = await itemPool(reference, settings, report);
  const { output, journal } = await storeOf(reference, settings);
  if (journal?.isResumed === true)
    report.note(`goes on with ${journal.known.size} items that ${journal.path} knows`, { known: journal.known.size });
  const progress = new Progress(settings.progress, Array.isArray(inputs) ? inputs.length : undefined);
  report.clear = () => progress.clear();
  const sink = new ResultSink(output, journal, (error) => run.end(error));
  const run = new Run({ pool, task, inputs, sink, known: journal?.known, settings, report, progress });
  try {
    const exitCode = await run.toEnd();
    progress.stop();
    chosen?.();
    return exitCode;
  } catch (error) {
    pool.terminate();
    throw await moduleFailure(error, reference);
  } finally {
    progress.stop();
  }
}

async function storeOf(
  reference: TaskReference,
  settings: MapSettings,
): Promise<{ output: Output; journal: Journal | undefined }> {
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
