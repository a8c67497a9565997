import type { Boundary } from "../codec/index.js";
import type { TaskIdentity } from "../workers/task.js";
import type { Agenda } from "./agenda.js";
import type { OpenMap } from "./blocking-join.js";
import type { CallSettings } from "./call-options.js";
import type { Chunk } from "./chunk.js";
import type { JobStates } from "./job-states.js";
import type { Chunking } from "./link.js";
import type { Tally } from "./tally.js";

/** What the engine needs of the pool. */
export interface MapPool {
  readonly agenda: Agenda;
  readonly boundary: Boundary;
  readonly states: Pick<JobStates, "settle">;
  now(): number;
  /** How many tasks may run at a time. */
  readonly places: number;
  readonly links: { readonly chunking?: Chunking };
  /** Most items that may travel together; undefined where that is counted out. */
  readonly mostItems?: number | undefined;
  /** The map counts its items here. */
  readonly tally: Tally;
  /** Those that were begun and have not ended. */
  readonly maps: Set<OpenMap>;
  /** Those who wait until there is less to do. */
  readonly loads: { look(): void };
  checkOpen(verb: string): void;
  readonly endReason: unknown;
  /** Nothing more is to be taken from the input. */
  readonly isPaused: boolean;
  /** Of a pool with several schedulers: the rest of a chunk goes to the one that had it. */
  follows?(rest: Chunk, lost: Chunk): void;
  submit(job: Chunk): void;
  cancel(job: Chunk, reason: unknown): boolean;
}

/** What a map does, checked. */
export interface MapPlan {
  readonly task: TaskIdentity;
  readonly call: CallSettings;
  readonly items: Iterable<unknown> | AsyncIterable<unknown>;
  readonly how: number;
  /** Items a chunk, or undefined to have them counted out. */
  readonly chunkSize: number | undefined;
  /** Most items that are taken from the input and not consumed, or undefined for as many as chunks need. */
  readonly buffer: number | undefined;
  /** In the order of the items. */
  readonly ordered: boolean;
  /** The first error ends it. */
  readonly stops: boolean;
}
