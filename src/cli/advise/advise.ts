/** `allcores advise`: reads inputs, has the library measure, and shows what it says. */
import { type Advice, advise, type Task, taskModule } from "../../index.js";
import { CommandFailure, firstLine } from "../command-failure.js";
import { EXIT } from "../exit-code.js";
import { inputsOf } from "../map/inputs.js";
import { moduleFailure } from "../map/module-failure.js";
import { type TaskReference, taskReference } from "../map/task-reference.js";
import { Report } from "../report.js";
import type { AdviseSettings } from "./advise-settings.js";
import { commandOf, portrayAdvice } from "./portrayal.js";

/** Of inputs that come one by one. */
const MOST_READ = 10_000;
const LONGEST_NAME = 60;

/** An input, and what messages call it. */
interface Item {
  readonly value: unknown;
  readonly name: string;
}

/** Its exit code. @throws CommandFailure for what ends it without an answer */
export async function adviseOn(text: string, given: readonly string[], settings: AdviseSettings): Promise<number> {
  const report = new Report(settings.json);
  const reference = taskReference(text);
  const { items, bad } = await itemsOf(given, settings, report);
  if (items.length === 0)
    throw new CommandFailure(
      EXIT.input,
      bad > 0 ? "no input could be read" : "there are no inputs: give at least one to be run",
    );
  const advice = await measured(reference, items, settings, report);
  for (const { input, error } of advice.failed)
    report.error(`${items[input]!.name}: ${firstLine(error)}`, { index: input, error });
  const command = commandOf(text, advice, settings);
  console.log(settings.json ? JSON.stringify({ ...advice, command }) : portrayAdvice(advice, command));
  if (bad > 0) return EXIT.input;
  return advice.failed.length > 0 ? EXIT.itemsFailed : EXIT.done;
}

async function measured(
  reference: TaskReference,
  items: readonly Item[],
  settings: AdviseSettings,
  report: Report,
): Promise<Advice> {
  const { once, budget, sample, total, workers } = settings;
  const task = taskModule<Record<string, (item: unknown) => unknown>>(reference.url)[reference.name] as Task<
    (item: unknown) => unknown
  >;
  const values = items.map(({ value }) => value);
  const announce = ({ inputs, runs }: { readonly inputs: readonly number[]; readonly runs: number }): void => {
    const often = runs === 1 ? "once" : `up to ${runs} times`;
    const rarer = once ? "" : " (--once: a single time)";
    report.note(`runs ${inputs.length} of ${items.length} inputs, each ${often}${rarer}, for at most ${budget} ms`, {
      inputs,
      runs,
      budget,
    });
  };
  try {
    return await advise(task, values, { budget, once, sample, total, workers, announce });
  } catch (error) {
    const clear = await moduleFailure(error, reference);
    if ((clear as { code?: unknown }).code !== "ERR_ALLCORES_WORKER_DIED") throw clear;
    throw new CommandFailure(
      EXIT.itemsFailed,
      `${reference.text} ended its worker: ${firstLine(clear).replace(/ while it ran .*$/, "")} (allcores explain WORKER_DIED)`,
    );
  }
}

/** The inputs as the task gets them; those that are none have their line on stderr. */
async function itemsOf(
  given: readonly string[],
  settings: AdviseSettings,
  report: Report,
): Promise<{ readonly items: readonly Item[]; readonly bad: number }> {
  const items: Item[] = [];
  let bad = 0;
  let seen = 0;
  const inputs = await inputsOf(given, settings);
  for await (const { text, place } of inputs) {
    if (!Array.isArray(inputs) && seen === MOST_READ) {
      if (settings.total === undefined)
        report.note(`the answer is for the first ${MOST_READ} inputs; give --total for more`);
      break;
    }
    seen++;
    const short = text.length > LONGEST_NAME ? `${text.slice(0, LONGEST_NAME - 3)}...` : text;
    const name = `${place ?? `input ${seen}`} (${JSON.stringify(short)})`;
    try {
      items.push({ value: settings.input === "ndjson" ? (JSON.parse(text) as unknown) : text, name });
    } catch (error) {
      bad++;
      report.error(`${name}: SyntaxError: not JSON: ${firstLine(error)}`);
    }
  }
  return { items, bad };
}
