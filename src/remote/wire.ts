/**
 * The form in which tasks and their outcomes lie at the server: plain objects for JSON, in which the arguments are
 * bytes of the codec. A reader believes nothing of it before `readWire` has looked.
 */
import { CorruptError } from "../errors/index.js";

/** Changes when a worker of before could not read what is written now. */
export const WIRE_VERSION = 1;

/** Bytes, in the message itself or under a key of their own. */
export type WirePayload = { readonly m: string } | { readonly k: string; readonly n: number };

/** A task as it travels. */
export interface Wire {
  readonly v: number;
  /** Version of the library that wrote it. */
  readonly lib: string;
  /** `package@build/entry#export`. */
  readonly task: string;
  /** Items of a map that travel together. */
  readonly chunk: boolean;
  /** Nothing is run after the first item that fails. */
  readonly stops: boolean;
  /** Which attempt it is, from 1. */
  readonly attempt: number;
  /** How often its worker may be lost. */
  readonly lost: number;
  /** Milliseconds that it may run; 0 for no limit. */
  readonly limit: number;
  /** Longest result, in bytes. */
  readonly most: number;
  /** Milliseconds for which long values are kept. */
  readonly keep: number;
  /** The same for all attempts. */
  readonly key: string;
  /** Number of the first item, of a chunk. */
  readonly first: number;
  /** Where it came from, in the form of W3C Trace Context. */
  readonly trace?: string | undefined;
  /** Of task and arguments, where the id was given. */
  readonly digest?: string | undefined;
  readonly args: WirePayload;
}

/** What became of a task. `t`: microseconds that its worker spent on it. */
export interface WireResult {
  readonly v: number;
  readonly t: number;
  readonly out: WirePayload;
}

/** @throws CorruptError for what is no task */
export function readWire(value: unknown): Wire {
  const wire = value as Partial<Wire> | null | undefined;
  if (
    typeof wire !== "object" ||
    wire === null ||
    typeof wire.v !== "number" ||
    typeof wire.lib !== "string" ||
    typeof wire.task !== "string" ||
    typeof wire.chunk !== "boolean" ||
    typeof wire.stops !== "boolean" ||
    typeof wire.key !== "string" ||
    ![wire.attempt, wire.first, wire.lost, wire.limit, wire.most, wire.keep].every(
      (number) => typeof number === "number" && number >= 0,
    )
  )
    throw new CorruptError("what lies in the queue is no task of this library: somebody else writes there");
  checkPayload(wire.args);
  return wire as Wire;
}

/** @throws CorruptError for what is no outcome */
export function readResult(value: unknown): WireResult {
  const result = value as Partial<WireResult> | null | undefined;
  if (typeof result !== "object" || result === null || typeof result.v !== "number" || typeof result.t !== "number")
    throw new CorruptError("what lies in the queue is no outcome of a task of this library");
  checkPayload(result.out);
  return result as WireResult;
}

function checkPayload(value: unknown): void {
  const payload = value as { m?: unknown; k?: unknown; n?: unknown } | null | undefined;
  const isPayload =
    typeof payload === "object" &&
    payload !== null &&
    (typeof payload.m === "string" || (typeof payload.k === "string" && typeof payload.n === "number"));
  if (!isPayload) throw new CorruptError("a message in the queue carries no value");
}
