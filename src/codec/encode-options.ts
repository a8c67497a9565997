import type { Boundary, Marshalled } from "./marshalled.js";

export interface EncodeOptions {
  /** What will be crossed. */
  to: Boundary;
  /** What the value is called in error paths. Default "value". */
  root?: string;
  /**
   * Whether parts may ride beside the bytes, by `postMessage`: true for a thread's port, false (the default) for
   * queues. Never to processes.
   */
  attach?: boolean;
  /**
   * What is moved and not copied: ArrayBuffers, MessagePorts and the like. Without `attach` nothing is moved, and
   * ArrayBuffers are copied.
   */
  transfer?: readonly object[];
  /**
   * The message is lent: it owns nothing, may be decoded any number of times or never, and what it names must stay
   * until then. Called for each marshalled object once the whole value is encoded.
   */
  lend?: (marshalled: Marshalled) => void;
  /** The caller will call the message's `committed` once it has committed it. */
  tells?: boolean;
  /** The message is kept and decoded any number of times: what would move to its decoder is refused. */
  keeps?: boolean;
  /**
   * What becomes of the marks of `transfer()` in the value: "move" obeys them, where parts can ride beside; "drop" uses
   * them up. Left out, they stay.
   */
  marks?: "move" | "drop";
  /**
   * Who decodes it shares no memory with this program, and nothing can be moved there: what is shared, or marked by
   * `transfer()`, is refused. What that is called, as in "workers of this SocketPool".
   */
  apart?: string | undefined;
  /**
   * The value is an array that the engine made, of arguments or the like: nobody has added fields to it, so none are
   * looked for.
   */
  list?: boolean;
}
