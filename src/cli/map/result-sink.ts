import { clearRealTimeout, setRealTimeout } from "../../memory/clock.js";
import type { Journal, JournalRecord } from "./journal.js";
import type { Output } from "./output.js";

/** Longest time between a result and its record on the disk, but for what the disk itself takes. */
const FLUSH_MS = 100;
/** So many characters may wait to be written before nothing more is taken. */
const MOST_WAITING = 2 ** 20;

/**
 * Results on their way to the output and, after it, to the journal. Each flush takes all that waits: output, its sync,
 * records, their sync.
 */
export class ResultSink {
  readonly #output: Output;
  readonly #journal: Journal | undefined;
  readonly #onFailure: (error: unknown) => void;
  #lines: string[] = [];
  #records: JournalRecord[] = [];
  #waiting = 0;
  /** Bytes of the output once all that waits is written. */
  #end: number;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  /** `onFailure`: hears at once that nothing can be written any more. */
  constructor(output: Output, journal: Journal | undefined, onFailure: (error: unknown) => void) {
    this.#output = output;
    this.#journal = journal;
    this.#onFailure = onFailure;
    this.#end = output.end;
  }

  /** Takes a line, without its end, and its record. A promise where the caller should wait before it brings more. */
  add(line: string | undefined, record: Omit<JournalRecord, "end">): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (line !== undefined) {
      this.#lines.push(`${line}\n`);
      this.#waiting += line.length;
      if (this.#journal !== undefined) this.#end += Buffer.byteLength(line) + 1;
    }
    if (this.#journal !== undefined) this.#records.push({ ...record, end: this.#end });
    if (this.#waiting > MOST_WAITING) return this.#flush();
    this.#timer ??= setRealTimeout(() => void this.#flush(), this.#journal === undefined ? 0 : FLUSH_MS);
    return undefined;
  }

  /** Writes all that waits, and ends. @throws what kept it from being written */
  async close(): Promise<void> {
    while (
      this.#failure === undefined &&
      (this.#lines.length > 0 || this.#records.length > 0 || this.#flushing !== undefined)
    )
      await this.#flush();
    clearRealTimeout(this.#timer);
    if (this.#failure !== undefined) throw this.#failure.error;
    await this.#output.close();
    await this.#journal?.close();
  }

  /** One at a time: the order of the disk is that of the calls. */
  #flush(): Promise<void> {
    this.#flushing ??= this.#write().finally(() => {
      this.#flushing = undefined;
      if (this.#failure === undefined && (this.#lines.length > 0 || this.#records.length > 0))
        this.#timer ??= setRealTimeout(() => void this.#flush(), 0);
    });
    return this.#flushing;
  }

  async #write(): Promise<void> {
    clearRealTimeout(this.#timer);
    this.#timer = undefined;
    const [lines, records] = [this.#lines, this.#records];
    [this.#lines, this.#records, this.#waiting] = [[], [], 0];
    try {
      if (lines.length > 0) await this.#output.write(lines.join(""));
      if (this.#journal === undefined || records.length === 0) return;
      if (lines.length > 0) await this.#output.sync();
      await this.#journal.append(records);
      await this.#journal.sync();
    } catch (error) {
      this.#failure = { error };
      this.#onFailure(error);
    }
  }
}
