import { ArgumentTypeError, KnownOptions, ownOptions } from "../errors/index.js";
import { milliseconds, wholeNumber } from "../pools/option-values.js";
import { isThenable } from "../sync/thenable.js";
import { cpuCount } from "../workers/cpu-count.js";
import { identityOf, type Task } from "../workers/task.js";
import type { Advice, FailedInput } from "./advice.js";
import { changesOf, reasonsOf } from "./advice-words.js";
import { decide } from "./decision.js";
import type { Candidate, Grounds } from "./prediction.js";
import { type SampledRun, summaryOf } from "./sample.js";
import { ofTask } from "./sample-death.js";
import { type Sampled, sampleIn, TOGETHER } from "./sampler.js";
import { runsOfTrial } from "./worker-trial.js";

/** How `advise` goes about it. */
export interface AdviceOptions {
  /** Milliseconds for all runs together; 2000 unless given. The workers that run the sample are killed then. */
  budget?: number | undefined;
  /** Runs each sampled input a single time: for tasks that do something. The answer is less certain. */
  once?: boolean | undefined;
  /** How many items there will be; as many as `inputs` unless given. */
  total?: number | undefined;
  /** Most inputs that are run; 12 unless given. They are spread evenly over all of them. */
  sample?: number | undefined;
  /** Most workers that are considered; four for each processor unless given. */
  workers?: number | undefined;
  /** Hears, before anything runs, which inputs will be run, and how often each at most. It is awaited. */
  announce?: ((plan: AdvicePlan) => void | PromiseLike<void>) | undefined;
}

/** What is about to be run. */
export interface AdvicePlan {
  /** The numbers of the sampled inputs. */
  readonly inputs: readonly number[];
  /** How often each of them is run at most. */
  readonly runs: number;
}

const OPTIONS = new KnownOptions<AdviceOptions>({
  budget: true,
  once: true,
  total: true,
  sample: true,
  workers: true,
  announce: true,
});
const BUDGET_MS = 2000;
const SAMPLE = 12;
/** So many that memory is used again which earlier items took, as it is once the work is under way. */
const ROUNDS = 8;
const WORKERS_PER_CORE = 4;

/**
 * Runs a task on a sample of the real inputs, and says which model, how many workers and what chunks suit it.
 *
 * The sample runs in a process of its own, where the inputs can cross to one, else in a thread. Then some of them run
 * several at a time, on one event loop if they wait, and in threads: so a lock that they share shows. All of these
 * workers are killed when the budget ends. **The task really runs:** what it writes is written, up to as often as
 * `announce` says first; `once` runs each sampled input a single time.
 *
 * @param task a function of one argument that was registered by `task()`
 * @param inputs what it will be called with, or some of that
 * @param options `budget`: milliseconds, 2000 unless given. `once`: no input is run twice. `total`: how many items
 *   there will be. `sample`: most inputs that are run. `workers`: most workers. `announce`: hears first
 *   what will be run
 * @returns the advice, as plain data; `describeAdvice` makes text of it
 * @throws `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for inputs or options that make no sense,
 *   `ERR_ALLCORES_NOT_A_TASK`, `ERR_ALLCORES_UNSENDABLE` for inputs that can cross to no worker,
 *   `ERR_ALLCORES_TASK_LOAD` and `ERR_ALLCORES_TASK_NOT_FOUND`
 * @remarks **Death:** a task that ends its worker fails the advice with `ERR_ALLCORES_WORKER_DIED`. **Cost:** at most
 *   the budget, and the end of its workers.
 *
 * @example
 * ```ts
 * import { advise, isMain, task } from "allcores";
 * const fibonacci = task(import.meta, function fibonacci(n: number): number {
 *   return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
 * });
 * if (isMain(import.meta)) {
 *   const advice = await advise(fibonacci, [24, 24, 24], { total: 100_000, budget: 1000 });
 *   console.log(advice.model !== "async", advice.sample !== undefined); // true true
 * }
 * ```
 */
export async function advise<A, R>(
  task: Task<(input: A) => R>,
  inputs: Iterable<A>,
  options: AdviceOptions = {},
): Promise<Advice> {
  const identity = identityOf(task);
  if (typeof inputs !== "object" || inputs === null || !(Symbol.iterator in inputs))
    throw new ArgumentTypeError(
      `advise(task, inputs): the inputs must be an iterable, got ${inputs === null ? "null" : typeof inputs}`,
    );
  if (typeof options !== "object" || options === null)
    throw new ArgumentTypeError(
      `options must be an object such as { budget: 2000 }, got ${options === null ? "null" : typeof options}`,
    );
  OPTIONS.check(options);
  const { once = false, announce, ...given } = ownOptions(options);
  if (typeof once !== "boolean") throw new ArgumentTypeError(`options.once must be true or false, got ${typeof once}`);
  if (announce !== undefined && typeof announce !== "function")
    throw new ArgumentTypeError(`options.announce must be a function, got ${typeof announce}`);
  const all = listOf(inputs);
  if (all.length === 0)
    throw new ArgumentTypeError(
      "advise(task, inputs): there are no inputs: give at least one that the task will be called with",
    );
  const cores = cpuCount();
  const items = wholeNumber("total", given.total, 1, all.length);
  const most = wholeNumber("workers", given.workers, 1, WORKERS_PER_CORE * cores);
  const indexes = spread(all.length, wholeNumber("sample", given.sample, 1, SAMPLE));
  const budget = milliseconds("budget", given.budget, BUDGET_MS);
  await announce?.({
    inputs: indexes,
    runs: once ? 1 : ROUNDS + Math.ceil((runsOfTrial(cores) + TOGETHER) / indexes.length),
  });
  const calls = indexes.map((index) => ({ index, args: [all[index]] }));
  const plan = { task: identity, calls, rounds: once ? 1 : ROUNDS, isTried: !once, cores, budget };
  let sampled: Sampled;
  try {
    sampled = await sampleIn(plan);
  } catch (error) {
    throw ofTask(error, identity.name);
  }
  return adviceOf(identity.name, sampled, { items, cores, most }, budget);
}

/** @throws ArgumentTypeError for an iterator of promises, which would never end */
function listOf<A>(inputs: Iterable<A>): A[] {
  const list: A[] = [];
  const iterator = inputs[Symbol.iterator]();
  for (let step = iterator.next(); step.done !== true; step = iterator.next()) {
    if (step.done === undefined && isThenable(step))
      throw new ArgumentTypeError(
        "advise(task, inputs): the input's next() gave a promise: await its items first, and give those",
      );
    list.push(step.value);
  }
  return list;
}

/** Up to `most` numbers below `count`, evenly spread, and in an order in which each beginning is spread too. */
export function spread(count: number, most: number): number[] {
  const chosen = Math.min(count, most);
  const even = Array.from({ length: chosen }, (_, at) =>
    chosen === 1 ? 0 : Math.round((at * (count - 1)) / (chosen - 1)),
  );
  // The golden section never comes close to where it was before.
  return even
    .map((index, at) => ({ index, rank: (at * 0.618_033_988_75) % 1 }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ index }) => index);
}

function adviceOf(
  task: string,
  sampled: Sampled,
  { items, cores, most }: Pick<Grounds, "items" | "cores" | "most">,
  budget: number,
): Advice {
  const { starts, serial, untried, runs, weight } = sampled;
  const excluded = [...sampled.excluded].map(([model, reason]) => ({ model, reason }));
  const known = { task, items, cores, starts, serial, excluded, failed: failedOf(runs) };
  if (runs.length === 0) return { ...known, ...unfinishedAdvice(sampled, cores, items, budget) };
  const sample = summaryOf(runs, weight);
  const grounds: Grounds = { sample, items, cores, starts, serial, most };
  const without = new Set<Candidate["model"]>(sampled.excluded.keys());
  const decision = decide(grounds, without, untried.includes("workers") && sample.wall > 1);
  const { chosen, candidates, chunkSize, certainty, margin } = decision;
  return {
    ...known,
    model: chosen.model,
    workers: chosen.workers,
    chunkSize,
    certainty: sample.failures > 0 && certainty === "sure" ? "likely" : certainty,
    margin,
    reasons: reasonsOf(grounds, decision),
    wouldChange: changesOf(grounds, decision, without, untried),
    candidates,
    sample,
  };
}

/** No run has ended: what the worker was doing then says what to try first, and nothing of how long it takes. */
function unfinishedAdvice(
  { unfinished, excluded }: Sampled,
  cores: number,
  items: number,
  budget: number,
): Omit<Advice, "task" | "items" | "cores" | "starts" | "serial" | "excluded" | "failed"> {
  const waits = unfinished?.state === "awaiting";
  const model = waits ? "async" : excluded.has("thread") ? "process" : "thread";
  return {
    model,
    workers: waits ? Math.min(32, items) : Math.min(cores, items),
    chunkSize: 1,
    certainty: "cannot tell",
    margin: 0,
    reasons: [
      `Not even one item ended within the budget of ${budget} ms: nothing is known of what an item takes, and the model is a guess.`,
      `The worker was ${unfinished?.state ?? "not to be seen"} at the end of it.`,
    ],
    wouldChange: [
      "A larger budget, within which at least one item ends: options.budget, or --budget on the command line.",
    ],
    candidates: [],
    sample: undefined,
  };
}

/** Each input once, by its number. */
function failedOf(runs: readonly SampledRun[]): FailedInput[] {
  const errors = new Map<number, string>();
  for (const { index, failure } of runs) if (failure !== undefined && !errors.has(index)) errors.set(index, failure);
  return [...errors].sort(([a], [b]) => a - b).map(([input, error]) => ({ input, error }));
}
