import type { MapRun, Pool, Settled, Task } from "../../index.js";
import { clearRealInterval, setRealInterval } from "../../memory/clock.js";
import { CommandFailure, firstLine } from "../command-failure.js";
import { EXIT } from "../exit-code.js";
import type { Report } from "../report.js";
import { digestOf } from "./digest.js";
import type { Input, Inputs } from "./inputs.js";
import type { KnownItems } from "./known-items.js";
import type { MapSettings } from "./map-settings.js";
import { isAboutModule } from "./module-failure.js";
import type { Progress } from "../progress.js";
import type { ResultSink } from "./result-sink.js";

/** What a run works with. */
export interface RunParts {
  readonly pool: Pool;
  readonly task: Task<(item: unknown) => unknown>;
  readonly inputs: Inputs;
  readonly sink: ResultSink;
  /** What the journal knows; undefined without one. */
  readonly known: KnownItems | undefined;
  readonly settings: MapSettings;
  readonly report: Report;
  readonly progress: Progress;
}

/** An input on its way: `index` counts all inputs, also those that are not run again. */
interface Entry extends Input {
  readonly index: number;
  readonly digest: string;
}
type Outcome = { readonly value: unknown } | { readonly error: unknown };

const SIGNALS = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated, SIGHUP: EXIT.hangUp } as const;
/** How often what came to the pool in the last moment is called off, while what runs ends. */
const CLEAR_EVERY_MS = 50;
/** In order, so many results may wait for one that takes long: fewer, and the other workers wait with it. */
const MOST_WAITING = 4096;

/** One run of `allcores map` over its inputs. */
export class Run {
  readonly #parts: RunParts;
  #run: MapRun<unknown, Settled<unknown, unknown>> | undefined;
  /** Inputs that were looked at, items that were given to the pool, and outcomes that came back. */
  #seen = 0;
  #sent = 0;
  #arrived = 0;
  /** What the pool has, by its index there. */
  readonly #entries = new Map<number, Entry>();
  /** What failed before it came to the pool and waits for its turn, in order. */
  readonly #early: { entry: Entry; error: unknown }[] = [];
  #done = 0;
  #failed = 0;
  #knownFailed = 0;
  #badInputs = 0;
  #calledOff = 0;
  /** Why nothing more is begun. */
  #ending: { readonly exitCode: number; readonly isNow: boolean } | undefined;
  #clearing: NodeJS.Timeout | undefined;

  constructor(parts: RunParts) {
    this.#parts = parts;
  }

  /** Ends the run with an error. */
  end(error: unknown): void {
    this.#run?.cancel(error);
  }

  /** Runs all of it. @returns the exit code @throws what ended it before its last item */
  async toEnd(): Promise<number> {
    const { pool, sink } = this.#parts;
    const signals = (Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]).map(
      (signal) => [signal, () => this.#signalled(signal)] as const,
    );
    for (const [signal, listener] of signals) process.on(signal, listener);
    try {
      await this.#all();
      await sink.close();
      if (this.#ending?.exitCode === EXIT.halted) pool.terminate();
      else await pool[Symbol.asyncDispose]();
    } catch (error) {
      // What has come is worth keeping, whatever ended the run; an error of the sink is this one.
      await sink.close().catch(() => {});
      throw error;
    } finally {
      clearRealInterval(this.#clearing);
      for (const [signal, listener] of signals) process.off(signal, listener);
    }
    return this.#verdict();
  }

  async #all(): Promise<void> {
    const { pool, task, settings, inputs } = this.#parts;
    const items = Array.isArray(inputs) ? await this.#array(inputs) : this.#stream(inputs as AsyncIterable<Input>);
    const { chunk: chunkSize, asCompleted } = settings;
    const mapped = pool.map(task, items, { chunkSize, buffer: asCompleted ? undefined : MOST_WAITING }).settled();
    this.#run = asCompleted ? mapped.unordered() : mapped;
    try {
      for await (const outcome of this.#run) {
        await this.#came(outcome);
        if (this.#ending !== undefined && (this.#ending.isNow || this.#outstanding === 0)) break;
      }
    } catch (error) {
      // Called off by `#drain`, with nothing that runs.
      if (this.#ending === undefined || this.#outstanding > 0) throw error;
    }
    if (this.#ending === undefined) await this.#settleEarly(Number.POSITIVE_INFINITY);
    const { known } = this.#parts;
    if (this.#ending === undefined && known !== undefined && known.size > this.#seen && !settings.force)
      throw new CommandFailure(
        EXIT.journal,
        `the journal knows ${known.size} inputs, and there are ${this.#seen} now; --force takes that as it is`,
      );
  }

  /** A list, of which the pool makes shorter chunks towards its end. */
  async #array(inputs: readonly Input[]): Promise<unknown[]> {
    const items: unknown[] = [];
    for (const input of inputs) {
      const item = this.#admit(input);
      if (item !== undefined) items.push(item.value);
    }
    return items;
  }

  async *#stream(inputs: AsyncIterable<Input>): AsyncGenerator<unknown, void, undefined> {
    for await (const input of inputs) {
      if (this.#ending !== undefined) return;
      const item = this.#admit(input);
      if (item !== undefined) yield item.value;
      else if (this.#entries.size === 0 || this.#parts.settings.asCompleted)
        await this.#settleEarly(Number.POSITIVE_INFINITY);
    }
  }

  /** The item of an input; undefined where there is none to be run. */
  #admit({ text, place }: Input): { readonly value: unknown } | undefined {
    const { known, settings, progress } = this.#parts;
    const index = this.#seen++;
    const entry = { index, text, place, digest: known === undefined ? "" : digestOf(text) };
    const state = known?.stateOf(index, entry.digest) ?? "unknown";
    if (state === "changed" && !settings.force)
      throw new CommandFailure(
        EXIT.journal,
        `${nameOf(entry)} is not the input that the journal knows; --force runs what has changed anew`,
      );
    if (state === "done" || (state === "failed" && !settings.retryFailed)) {
      if (state === "failed") this.#knownFailed++;
      progress.ended(state === "failed");
      return undefined;
    }
    let value: unknown = text;
    try {
      if (settings.input === "ndjson") value = JSON.parse(text);
    } catch (error) {
      this.#badInputs++;
      this.#early.push({ entry, error: new SyntaxError(`not JSON: ${firstLine(error)}`) });
      return undefined;
    }
    this.#entries.set(this.#sent++, entry);
    return { value };
  }

  async #came(outcome: Settled<unknown, unknown>): Promise<void> {
    const entry = this.#entries.get(outcome.index)!;
    this.#entries.delete(outcome.index);
    this.#arrived++;
    if (this.#ending !== undefined && outcome.status === "rejected" && isCancelled(outcome.reason)) {
      this.#calledOff++;
      return;
    }
    // In order nothing follows an item that was called off: the next run begins with that.
    if (this.#calledOff > 0 && !this.#parts.settings.asCompleted) return;
    await this.#settleEarly(entry.index);
    await this.#settle(entry, outcome.status === "fulfilled" ? { value: outcome.value } : { error: outcome.reason });
  }

  /** Those whose turn is before `index`. */
  async #settleEarly(index: number): Promise<void> {
    while (this.#early.length > 0 && this.#early[0]!.entry.index < index) {
      const { entry, error } = this.#early.shift()!;
      await this.#settle(entry, { error });
    }
  }

  async #settle(entry: Entry, outcome: Outcome): Promise<void> {
    const { sink, progress } = this.#parts;
    if (this.#ending?.exitCode === EXIT.halted && "error" in outcome && isCancelled(outcome.error)) return;
    const line = "value" in outcome ? this.#lineOf(entry, outcome.value) : undefined;
    const isDone = typeof line === "string";
    const error = "error" in outcome ? outcome.error : line instanceof Error ? line : undefined;
    if (isDone) this.#done++;
    else this.#fail(entry, error);
    progress.ended(!isDone);
    const text = isDone
      ? line
      : this.#parts.settings.lines === "record"
        ? this.#recordOf(entry, { error: described(error) })
        : undefined;
    await sink.add(text, { index: entry.index, digest: entry.digest, isDone });
    if (!isDone) this.#countFailure();
  }

  #lineOf(entry: Entry, value: unknown): string | Error {
    try {
      return this.#parts.settings.lines === "record"
        ? this.#recordOf(entry, { value: value ?? null })
        : (JSON.stringify(value) ?? "null");
    } catch (error) {
      return new TypeError(`the result cannot be written as JSON: ${firstLine(error)}`, { cause: error });
    }
  }

  #recordOf({ index, text }: Entry, outcome: object): string {
    return JSON.stringify({ index, input: text, ...outcome });
  }

  #fail(entry: Entry, error: unknown): void {
    const { report, settings } = this.#parts;
    // Nothing has ever been run: there is no such task, and every other item would say the same.
    if (this.#done === 0 && isAboutModule(error)) throw error;
    this.#failed++;
    if (settings.onError === "skip") return;
    const { name, message, code } = described(error);
    const hint =
      code?.startsWith("ERR_ALLCORES_") === true ? ` (allcores explain ${code.slice("ERR_ALLCORES_".length)})` : "";
    report.error(`${nameOf(entry)}: ${name}: ${message}${hint}`, {
      index: entry.index,
      input: entry.text,
      error: { name, message, code },
    });
  }

  #countFailure(): void {
    const { halt } = this.#parts.settings;
    if (this.#failed < halt.failures || this.#ending !== undefined) return;
    this.#drain(EXIT.halted, halt.when === "now");
  }

  /** What the pool has taken and not given back. Of a list it takes only as much as it has room for. */
  get #outstanding(): number {
    return this.#parts.pool.stats().submitted - this.#arrived;
  }

  /** Lets end what runs, unless `isNow`, and begins nothing more. */
  #drain(exitCode: number, isNow: boolean): void {
    const { pool } = this.#parts;
    this.#ending = { exitCode, isNow };
    pool.pause();
    pool.clear();
    // An input that was asked for before may still come, and would wait in the paused pool for ever.
    this.#clearing = setRealInterval(() => {
      pool.clear();
      if (this.#outstanding === 0) this.#run?.cancel();
    }, CLEAR_EVERY_MS);
  }

  #signalled(signal: keyof typeof SIGNALS): void {
    const { report } = this.#parts;
    if (this.#ending !== undefined) process.exit(SIGNALS[signal]);
    this.#drain(SIGNALS[signal], false);
    report.note(`${signal}: ends once what runs has ended; once more ends at once`);
  }

  #verdict(): number {
    const { report, known, settings } = this.#parts;
    const failed = this.#failed + this.#knownFailed;
    const counts = { done: this.#done, failed: this.#failed, knownFailed: this.#knownFailed };
    if (failed > 0 || this.#ending !== undefined || settings.progress === true)
      report.note(
        `${this.#done} done, ${this.#failed} failed${this.#knownFailed > 0 ? `, ${this.#knownFailed} failed in an earlier run (--retry-failed runs them again)` : ""}` +
          (this.#ending !== undefined && known !== undefined ? "; the same command goes on" : ""),
        counts,
      );
    if (this.#ending !== undefined) return this.#ending.exitCode;
    if (this.#badInputs > 0) return EXIT.input;
    return failed > 0 ? EXIT.itemsFailed : EXIT.done;
  }
}

function nameOf({ index, text, place }: Entry): string {
  const short = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  return `${place ?? `input ${index + 1}`} (${JSON.stringify(short)})`;
}

function described(error: unknown): { name: string; message: string; code: string | undefined } {
  if (!(error instanceof Error)) return { name: "thrown", message: firstLine(error), code: undefined };
  const { code } = error as { code?: unknown };
  return { name: error.name, message: firstLine(error), code: typeof code === "string" ? code : undefined };
}

function isCancelled(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === "ERR_ALLCORES_CANCELLED";
}
