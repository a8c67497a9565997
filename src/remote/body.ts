/** What a worker of `serveRemote` runs in its threads or processes: one task of a queue, or items of a map. */
import { realNow } from "../memory/index.js";
import { decode, encode, encodeError, FROM_ELSEWHERE } from "../codec/index.js";
import { CorruptError, StateError, textOfThrown } from "../errors/index.js";
import { SPREAD } from "../workers/job-service.js";
import { loadTask } from "../workers/task-module.js";
import { type AnyFunction, task } from "../workers/task.js";
import { isThenable } from "../sync/thenable.js";
import { type RunningJob, workerState } from "../workers/worker-state.js";
import { checkLength } from "./payloads.js";

/** What a body is told of its task. */
export interface BodyCall {
  readonly url: string;
  readonly name: string;
  readonly chunk: boolean;
  readonly stops: boolean;
  readonly attempt: number;
  readonly key: string;
  readonly first: number;
  readonly most: number;
}

/** What a body gives: runs of outcomes, encoded. */
export interface BodyOutcome {
  readonly bytes: Uint8Array;
  readonly microseconds: number;
  /** Of the first error, in a line. */
  readonly reason: string | undefined;
}

/** The task as its own code sees it. */
class RemoteJob implements RunningJob {
  readonly attempt: number;
  key: string;
  /** Which item of a chunk runs. */
  item = 0;
  readonly #lane: RunningJob | undefined;

  constructor(lane: RunningJob | undefined, { attempt, key }: BodyCall) {
    this.#lane = lane;
    this.attempt = attempt;
    this.key = key;
  }
  get cancelled(): boolean {
    return this.#lane?.cancelled ?? false;
  }
  get signal(): AbortSignal {
    return this.#lane!.signal;
  }
  progress(value: unknown): void {
    this.#lane?.progress(bytesOf({ item: this.item, progress: value }, "news"));
  }
}

const APART = "programs on other machines";
const bytesOf = (value: unknown, root: string) => encode(value, { to: "processes", root, apart: APART }).toBytes();

/** How many outcomes an outcome of a body is, and they. 0: the error of one. */
type OutcomeRun = [number, unknown];

/** The task's functions that were loaded here, by module and name: a task that is known runs without an await. */
const loaded = new Map<string, Map<string, AnyFunction>>();

async function loadedTask({ url, name }: BodyCall): Promise<AnyFunction> {
  const fn = await loadTask(url, name);
  let ofModule = loaded.get(url);
  if (ofModule === undefined) loaded.set(url, (ofModule = new Map()));
  ofModule.set(name, fn);
  return fn;
}

export const runRemote = task(import.meta, "runRemote", function runRemote(call: BodyCall, args: Uint8Array):
  | BodyOutcome
  | Promise<BodyOutcome> {
  const start = realNow();
  const outcomes = new Outcomes(call.most);
  const ended = (): BodyOutcome => ({
    bytes: outcomes.toBytes(call.chunk),
    microseconds: Math.round((realNow() - start) * 1000),
    reason: outcomes.reason,
  });
  const fn = loaded.get(call.url)?.get(call.name);
  if (fn === undefined || call.chunk) return runLater(call, args, fn, outcomes).then(ended);
  try {
    const given = argumentsIn(args);
    workerState.job = new RemoteJob(workerState.job, call);
    const value = fn(...given);
    if (isThenable(value)) return settled(value, outcomes).then(ended);
    outcomes.add(value);
  } catch (error) {
    outcomes.fail(error);
  }
  return ended();
});

function argumentsIn(args: Uint8Array): unknown[] {
  const value = decode(args, 0, args.length, undefined, FROM_ELSEWHERE);
  if (!Array.isArray(value)) throw new CorruptError("the arguments of a remote task are none");
  return value as unknown[];
}

async function settled(value: PromiseLike<unknown>, outcomes: Outcomes): Promise<void> {
  try {
    outcomes.add(await value);
  } catch (error) {
    outcomes.fail(error);
  }
}

/** A task whose module has to be loaded first, or the items of a chunk one after the other. */
async function runLater(
  call: BodyCall,
  args: Uint8Array,
  known: AnyFunction | undefined,
  outcomes: Outcomes,
): Promise<void> {
  const job = new RemoteJob(workerState.job, call);
  try {
    const fn = known ?? (await loadedTask(call));
    const given = argumentsIn(args);
    workerState.job = job;
    if (!call.chunk) {
      outcomes.add(await fn(...given));
      return;
    }
    const [bound, items, how] = given as [unknown[], unknown[], number];
    for (const [index, item] of items.entries()) {
      if (job.cancelled) throw new StateError("the chunk was called off");
      job.key = `${call.key}/${call.first + index}`;
      job.item = index;
      try {
        const value = fn(...bound, ...(how === SPREAD ? (item as unknown[]) : [item]));
        outcomes.add(isThenable(value) ? await value : value);
      } catch (error) {
        outcomes.fail(error);
        if (call.stops) break;
      }
    }
  } catch (error) {
    if (call.chunk) outcomes.failAll(error);
    else outcomes.fail(error);
  }
}

/** What has become of the items so far. Of values that follow each other one run is made. */
class Outcomes {
  readonly #runs: OutcomeRun[] = [];
  readonly #most: number;
  reason: string | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  add(value: unknown): void {
    const last = this.#runs.at(-1);
    if (last !== undefined && last[0] > 0) {
      last[0]++;
      (last[1] as unknown[]).push(value);
    } else this.#runs.push([1, [value]]);
  }

  fail(error: unknown): void {
    this.#runs.push([0, error]);
    this.reason ??= textOfThrown(error);
  }

  /** All that has not come fails of it. */
  failAll(error: unknown): void {
    this.#runs.push([-1, error]);
    this.reason ??= textOfThrown(error);
  }

  /** A result that cannot travel is an error of its own. */
  toBytes(isChunk: boolean): Uint8Array {
    const whole = this.#encode(this.#runs, isChunk);
    if (whole instanceof Uint8Array) return whole;
    const each: OutcomeRun[] = [];
    for (const [count, values] of this.#runs) {
      if (count <= 0) each.push([count, this.#sent(values)]);
      else {
        for (const value of values as unknown[]) {
          const alone = this.#encode([[1, [value]]], isChunk);
          if (alone instanceof Uint8Array) each.push([1, [value]]);
          else {
            each.push([0, alone]);
            this.reason ??= textOfThrown(alone);
          }
        }
      }
    }
    const rest = this.#encode(each, isChunk);
    return rest instanceof Uint8Array ? rest : bytesOf([[isChunk ? -1 : 0, rest]], "error");
  }

  /** An error in the form in which it can travel. */
  #sent(error: unknown): unknown {
    const bytes = encodeError(error, { to: "processes", apart: APART }).toBytes();
    return decode(bytes, 0, bytes.length);
  }

  #encode(runs: readonly OutcomeRun[], isChunk: boolean): Uint8Array | Error {
    const form = isChunk ? runs : runs.map(([count, what]) => [count, count > 0 ? (what as unknown[])[0] : what]);
    try {
      const bytes = bytesOf(form, "result");
      checkLength(bytes.length, this.#most, "result", () => (isChunk ? runs.map(([, what]) => what) : form[0]?.[1]));
      return bytes;
    } catch (error) {
      return error as Error;
    }
  }
}
