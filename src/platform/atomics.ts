/**
 * The one door to atomics and parking: nothing outside platform/ names `Atomics`. It is imported as "#atomics", so that
 * a condition of the package's imports can put `controlled-atomics.ts`, which asks a scheduler before each operation,
 * in this file's place. Here every name is the platform's own function or a constant. Every operation is sequentially
 * consistent, on a SharedArrayBuffer and on mapped memory alike.
 */
export const { add, and, compareExchange, exchange, load, notify, or, store, sub, wait, xor } = Atomics;

/**
 * A user's plain reading and assigning, as of `value.value`: operations on the program's data, told apart from those
 * that synchronize.
 */
export const { load: loadData, store: storeData } = Atomics;

export type IntegerArray = Int32Array | Uint32Array | Int16Array | Uint16Array | Int8Array | Uint8Array;
export type WideCells = BigInt64Array | BigUint64Array;

type WaitAsyncResult =
  | { async: false; value: "not-equal" | "timed-out" }
  | { async: true; value: Promise<"ok" | "timed-out"> };

/** `Atomics.waitAsync`: part of V8 since Node 16, of the type library since ES2024. */
export const waitAsync = (
  Atomics as unknown as { waitAsync(words: Int32Array, index: number, value: number): WaitAsyncResult }
).waitAsync;

const asleep = new Int32Array(new SharedArrayBuffer(4));

/**
 * Stops the calling thread for `ms` milliseconds. Its event loop stands still meanwhile; `terminate()` interrupts it.
 */
export function pause(ms: number): void {
  wait(asleep, 0, 0, ms);
}

/** A view through which words are also read and written plainly. */
export function visible(words: Int32Array): Int32Array {
  return words;
}

/** How often to look before sleeping. Under control looking again shows nothing new. */
export function spins(count: number): number {
  return count;
}

/**
 * The longest sleep in one piece. Under control there is none while everybody lives, so that a lost wake-up is not made
 * good by it.
 */
export function slice(ms: number): number {
  return ms;
}

const fence = new Int32Array(new SharedArrayBuffer(4));

/**
 * Everything read plainly before this call was read before the next atomic load: what a reader that validates needs,
 * who reads first and then looks whether it still holds. Where the processor keeps loads in order the call of an atomic
 * function alone does it; elsewhere an atomic update of a word that nobody else uses is a barrier.
 */
export const orderLoads: () => void =
  process.arch === "x64" || process.arch === "ia32" ? () => {} : () => void add(fence, 0, 1);

/** Whether a scheduler decides who runs. */
export const controlled = false;

/** Whether the scheduler says that a thread is alive; undefined where there is none, and the kernel must be asked. */
export function toldAlive(_pid: number, _tid: number, _startTime: number): boolean | undefined {
  return undefined;
}

/** The number by which a scheduler knows the calling thread; undefined where there is none. */
export function toldThread(): { pid: number; tid: number; startTime: number } | undefined {
  return undefined;
}
