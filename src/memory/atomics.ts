/**
 * The one door to atomics: nothing outside memory/ names `Atomics`, so that a model scheduler can stand in this file's place.
 * Every operation is sequentially consistent, on a SharedArrayBuffer and on mapped memory alike.
 */
export const { add, and, compareExchange, exchange, load, notify, or, store, sub, wait, xor } = Atomics;

export type Cells = Int32Array | Uint32Array | Int16Array | Uint16Array | Int8Array | Uint8Array;
export type WideCells = BigInt64Array | BigUint64Array;

type WaitAsyncResult = { async: false; value: "not-equal" | "timed-out" } | { async: true; value: Promise<"ok" | "timed-out"> };

/** `Atomics.waitAsync`: part of V8 since Node 16, of the type library since ES2024. */
export const waitAsync = (Atomics as unknown as { waitAsync(words: Int32Array, index: number, value: number): WaitAsyncResult }).waitAsync;

const asleep = new Int32Array(new SharedArrayBuffer(4));

/** Stops the calling thread for `ms` milliseconds. Its event loop stands still meanwhile; `terminate()` interrupts it. */
export function pause(ms: number): void {
  wait(asleep, 0, 0, ms);
}
