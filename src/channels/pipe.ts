import { Handle, heapOfReach, noteOrigin, type Reach } from "../objects/index.js";
import { ArgumentRangeError, ArgumentTypeError, KnownOptions, ownOptions } from "../errors/index.js";
import type { selectable } from "../sync/selectable.js";
import { Connection } from "./connection.js";
import { allocatePipe } from "./pipe-end.js";

const DEFAULT_CAPACITY = 2 ** 20;
const MOST_CAPACITY = 2 ** 31 - 1;

/** How a pipe is made. */
export interface PipeOptions extends Reach {
  /** Whether both ends send and receive (default); if not, the first end only receives and the second only sends. */
  duplex?: boolean | undefined;
  /**
   * Most bytes of encoded messages that wait in each direction; default 1 MiB. A larger message goes into an empty
   * pipe.
   */
  capacity?: number | undefined;
}

const PIPE_OPTIONS = new KnownOptions<PipeOptions>({ across: true, label: true, duplex: true, capacity: true });

/** The first end of a one-way pipe. */
export type ReceivingConnection<T = unknown> = Omit<Connection<never, T>, "send" | "sendSync" | "trySend">;

/** The second end of a one-way pipe. */
export type SendingConnection<T = unknown> = Omit<
  Connection<T, never>,
  | "recv"
  | "recvSync"
  | "tryRecv"
  | "recvInto"
  | "recvIntoSync"
  | "poll"
  | "pollSync"
  | typeof selectable
  | typeof Symbol.iterator
  | typeof Symbol.asyncIterator
>;

/**
 * A pipe: two connected ends, each for one worker: Python's `multiprocessing.Pipe`. The first end sends `A` and
 * receives `B`, the second the other way round.
 *
 * With `{ duplex: false }` values of type `A` go from the second end to the first, as in Python. Give one end to
 * another worker and keep the other: see `Connection`.
 *
 * @param options `duplex`: whether both ends send and receive; true unless given. `capacity`: most bytes that wait in
 *   each direction; 1 MiB unless given. `across`, `label`: as of every shared object
 * @returns both ends
 * @throws `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense,
 *   `ERR_ALLCORES_OUT_OF_MEMORY`
 * @remarks **Cost:** three blocks of shared memory.
 *
 * @example
 * ```ts
 * import { type Connection, createPipe, isMain, Process, task } from "allcores";
 * const greet = task(import.meta, function greet(connection: Connection<string>) {
 *   connection.sendSync(`Hello, ${connection.recvSync()}!`);
 * });
 * if (isMain(import.meta)) {
 *   const [here, there] = createPipe<string>({ across: "processes" });
 *   await using child = Process.start(greet, there);
 *   await here.send("world");
 *   console.log(await here.recv()); // Hello, world!
 * }
 * ```
 */
export function createPipe<A = unknown, B = A>(
  options?: PipeOptions & { duplex?: true | undefined },
): [Connection<A, B>, Connection<B, A>];
export function createPipe<A = unknown>(
  options: PipeOptions & { duplex: false },
): [ReceivingConnection<A>, SendingConnection<A>];
export function createPipe<A = unknown, B = A>(options?: PipeOptions): [Connection<A, B>, Connection<B, A>];
export function createPipe(options?: PipeOptions): [Connection, Connection] {
  const heap = heapOfReach(options, PIPE_OPTIONS);
  const { duplex = true, capacity = DEFAULT_CAPACITY, label } = ownOptions(options ?? {});
  if (typeof duplex !== "boolean")
    throw new ArgumentTypeError(`options.duplex must be true or false, got ${typeof duplex}`);
  if (typeof capacity !== "number")
    throw new ArgumentTypeError(`options.capacity must be a number of bytes, got ${typeof capacity}`);
  if (!(capacity >= 1) || (Number.isFinite(capacity) && !Number.isInteger(capacity)))
    throw new ArgumentRangeError(`options.capacity must be a whole number of bytes from 1, got ${capacity}`);
  const ends = allocatePipe(heap, Math.min(capacity, MOST_CAPACITY), duplex);
  const connections: [Connection, Connection] = [
    Connection.attach(new Handle(heap, ends[0], label)),
    Connection.attach(new Handle(heap, ends[1], label)),
  ];
  for (const connection of connections) noteOrigin(connection);
  return connections;
}
