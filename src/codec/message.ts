import type { HeldBlock } from "./marshalled.js";

/**
 * An encoded value. It is one reused object per realm: valid until the next `encode()` in this realm, so copy it out
 * before anything else can run. That is what lets putting a small integer into a queue allocate nothing.
 *
 * Large binaries and strings are not in it yet: `writeTo` copies them straight from where they are, once. A buffer that
 * is changed between `encode()` and `writeTo()` arrives changed.
 */
export interface Message {
  /** In bytes. */
  readonly length: number;
  /** Writes all bytes to `target`, beginning at index `at`. There must be room for `length` bytes. */
  writeTo(target: Uint8Array, at: number): void;
  /** Whether it carries objects that are held, so that it must be decoded, here if nowhere else. */
  readonly holds: boolean;
  /** To be called once it is committed, if encoded with `tells`; undefined where nobody has to know. */
  readonly committed: (() => void) | undefined;
  /** A copy of all bytes that stays valid. */
  toBytes(): Uint8Array<ArrayBuffer>;
  /** What rides beside the bytes, for `postMessage`; empty unless encoded with `attach`. */
  readonly attachments: readonly unknown[];
  /** The transfer list for `postMessage`. */
  readonly transfer: readonly object[];
  /** The shared objects that this message holds: each was counted once, and once for each time it occurs. */
  readonly held: readonly HeldBlock[];
  /**
   * Lets go of the objects this message still refers to, before the next `encode()` does. It must not be used
   * afterwards.
   */
  release(): void;
}
