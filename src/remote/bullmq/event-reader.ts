import { clearRealTimeout, setRealTimeout } from "../../memory/index.js";
import type { EngineWatch } from "../engine.js";
import type { WireResult } from "../wire.js";
import { fromJobId } from "./job-ids.js";
import type { Client } from "./redis-clients.js";

/** How long the server holds a question for events that have not come. */
const BLOCK_MS = 10_000;
/** How much later its answer may come; after that the connection is one that leads nowhere. */
const LATE_MS = 1000;
/** Events of one answer. */
const MOST_TOGETHER = 1000;
/** Between two attempts, where the server refuses the question. */
const AGAIN_MS = 500;

/** An answer to a question for events: of each stream its entries, each an id and names before values. */
type Answer = [string, [string, string[]][]][] | null;

/**
 * Reads the events that BullMQ writes. Its own reader keeps the program alive by a timer, and takes every event apart,
 * also those of other pools.
 */
export class EventReader {
  readonly #client: Client;
  readonly #key: string;
  readonly #watch: EngineWatch;
  #last: string;
  #reader: Client | undefined;
  #isClosed = false;

  /** `last`: the event after which it begins. */
  constructor(client: Client, key: string, last: string, watch: EngineWatch) {
    this.#client = client;
    this.#key = key;
    this.#last = last;
    this.#watch = watch;
    void this.#run();
  }

  close(): void {
    this.#isClosed = true;
    this.#reader?.disconnect();
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      try {
        const answer = await this.#ask();
        for (const [id, fields] of answer?.[0]?.[1] ?? []) {
          this.#last = id;
          this.#tell(fields);
        }
      } catch {
        if (this.#isClosed) return;
        if (this.#reader?.status === "end") this.#reader = undefined;
        await new Promise<void>((resolve) => setRealTimeout(resolve, AGAIN_MS).unref());
      }
    }
  }

  /** Null when nothing has come. */
  async #ask(): Promise<Answer> {
    const reader = (this.#reader ??= this.#client.duplicate() as Client);
    const asked = reader.xread("COUNT", MOST_TOGETHER, "BLOCK", BLOCK_MS, "STREAMS", this.#key, this.#last);
    return await new Promise<Answer>((resolve, reject) => {
      const late = setRealTimeout(() => {
        this.#reader = undefined;
        // What was asked is rejected by that.
        reader.disconnect();
        resolve(null);
      }, BLOCK_MS + LATE_MS);
      // It waits for others, and nobody for it.
      late.unref();
      const end = (then: () => void) => {
        clearRealTimeout(late);
        then();
      };
      asked.then(
        (answer) => end(() => resolve(answer as Answer)),
        (error: unknown) => end(() => reject(error as Error)),
      );
    });
  }

  #tell(fields: readonly string[]): void {
    let event = "";
    let job = "";
    let value = "";
    for (let at = 0; at + 1 < fields.length; at += 2) {
      const [name, text] = [fields[at], fields[at + 1]!];
      if (name === "event") event = text;
      else if (name === "jobId") job = text;
      else if (name === "returnvalue" || name === "data") value = text;
    }
    const id = fromJobId(job);
    if (!this.#watch.waitsFor(id)) return;
    if (event === "active") this.#watch.begun(id);
    else if (event === "completed")
      this.#watch.ended(id, { result: JSON.parse(value) as WireResult, reason: undefined });
    // The error itself stands beside the task.
    else if (event === "failed") this.#watch.ended(id, undefined);
    else if (event === "progress") this.#watch.progress(id, JSON.parse(value));
  }
}
