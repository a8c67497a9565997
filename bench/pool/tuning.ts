/** Tries each library's settings, briefly, and takes the fastest. */
import { cpuCount } from "allcores";
import { median } from "../measure.js";
import type { Contender, Model, Setting } from "./contender.js";
import { type Choice, entrant, type Use } from "./entrants.js";
import { field } from "./field.js";
import { calling } from "./latency.js";
import { race } from "./race.js";
import { quick } from "./size.js";
import { handingOver } from "./throughput.js";

const TURNS = 2;
const TASKS = 30_000;
const CALLS = { awake: 800, asleep: 80 };

export interface Tried {
  readonly library: string;
  readonly model: Model;
  readonly aspect: string;
  readonly best: string;
  /** Microseconds of each setting. */
  readonly settings: Readonly<Record<string, number | string>>;
}

export type Choices = Readonly<Record<Model, readonly Choice[]>>;

export const defaults: Choices = { threads: field.threads.map(first), processes: field.processes.map(first) };

function first(contender: Contender): Choice {
  return [contender, contender.settings[0]];
}

const aspects = {
  throughput: [handingOver(TASKS), "task"],
  awake: [calling("awake", CALLS.awake), "median"],
  asleep: [calling("asleep", CALLS.asleep), "median"],
} as const satisfies Record<string, readonly [Use, metric: string]>;

export type Aspect = keyof typeof aspects;

/** The choices for one aspect. Where everything is only shown to run, the first settings. */
export async function tuned(aspect: Aspect, tried: Tried[]): Promise<Choices> {
  if (quick) return defaults;
  const best = async (model: Model): Promise<Choice[]> => {
    const choices: Choice[] = [];
    for (const contender of field[model]) choices.push([contender, await fastest(contender, aspect, tried)]);
    return choices;
  };
  return { threads: await best("threads"), processes: await best("processes") };
}

async function fastest(contender: Contender, aspect: Aspect, tried: Tried[]): Promise<Setting> {
  const { settings, library, model } = contender;
  if (settings.length === 1) return settings[0];
  const [use, metric] = aspects[aspect];
  const outcomes = await race(
    settings.map((setting) => entrant([contender, setting], cpuCount(), use)),
    TURNS,
    0,
  );
  const figures = outcomes.map(({ samples }) =>
    samples.length === 0 ? Number.POSITIVE_INFINITY : median(samples.map((sample) => sample[metric]!)),
  );
  const index = figures.indexOf(Math.min(...figures));
  const best = settings[index]!;
  const entries = outcomes.map(
    ({ setting, unavailable }, position) => [setting, unavailable ?? Math.round(figures[position]! * 10) / 10] as const,
  );
  tried.push({ library, model, aspect, best: best.text, settings: Object.fromEntries(entries) });
  return best;
}
