/** Measures several entrants in turns, so that what else happens on the machine hits them all. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { sleep } from "allcores";
import { alone } from "../measure.js";

/** What one turn measured, each metric by its name; always such that less is better. */
export type Sample = Readonly<Record<string, number>>;

export interface Entrant {
  readonly library: string;
  readonly setting: string;
  readonly ours?: boolean;
  /** Opens what is measured and warms it up. */
  start(): Runner | Promise<Runner>;
}

export interface Runner {
  sample(): Sample | Promise<Sample>;
  end(): unknown;
}

/** What became of an entrant: its samples, or why it has none. */
export interface Outcome {
  readonly library: string;
  readonly setting: string;
  readonly ours: boolean;
  readonly samples: readonly Sample[];
  readonly unavailable?: string;
}

const START_MS = 30_000;
const SAMPLE_MS = 30_000;
const END_MS = 2000;
/** Lets the last one's workers fall asleep before the next one begins. */
const REST_MS = 20;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
// V8 takes a code cache only from who has the same flags, and no child of this program has this one.
setFlagsFromString("--no-expose-gc");

/**
 * The first `warmUps` turns do not count. Each turn begins with another entrant and goes the other way round, so that
 * nobody always follows the same one.
 */
export async function race(entrants: readonly Entrant[], turns: number, warmUps: number): Promise<Outcome[]> {
  const running = await startAll(alone ? entrants.filter(({ ours }) => ours) : entrants);
  for (let turn = -warmUps; turn < turns; turn++) {
    for (let position = 0; position < running.length; position++) {
      const step = turn % 2 === 0 ? position : running.length - 1 - position;
      const one = running[(step + turn + warmUps) % running.length]!;
      if (one.runner === undefined) continue;
      collectGarbage();
      await sleep(REST_MS);
      try {
        const sample = await inTime(one.runner.sample(), SAMPLE_MS, "a turn");
        if (turn >= 0) one.samples.push(sample);
      } catch (error) {
        await dropOut(one, error);
      }
    }
  }
  for (const one of running) await end(one);
  return running.map(({ entrant: { library, setting, ours = false }, samples, unavailable }) => ({
    library,
    setting,
    ours,
    samples,
    ...(unavailable !== undefined && { unavailable }),
  }));
}

interface Running {
  readonly entrant: Entrant;
  readonly samples: Sample[];
  runner: Runner | undefined;
  unavailable: string | undefined;
}

async function startAll(entrants: readonly Entrant[]): Promise<Running[]> {
  const running: Running[] = [];
  for (const entrant of entrants) {
    const one: Running = { entrant, samples: [], runner: undefined, unavailable: undefined };
    running.push(one);
    try {
      one.runner = await inTime(entrant.start(), START_MS, "its start");
    } catch (error) {
      await dropOut(one, error);
    }
  }
  return running;
}

async function dropOut(one: Running, error: unknown): Promise<void> {
  one.unavailable = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  one.samples.length = 0;
  console.log(`  ${one.entrant.library} (${one.entrant.setting}) is out: ${one.unavailable}`);
  await end(one);
}

async function end(one: Running): Promise<void> {
  const { runner } = one;
  one.runner = undefined;
  if (runner === undefined) return;
  await inTime(runner.end(), END_MS, "its end").catch((error: unknown) =>
    console.log(`  ${one.entrant.library} (${one.entrant.setting}): ${error}`),
  );
}

/** What does not come in time is given up, not stopped: the program's end takes it along. */
async function inTime<T>(work: T | Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took more than ${ms / 1e3} s`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
