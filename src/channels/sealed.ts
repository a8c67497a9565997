import { types } from "node:util";
import {
  type Boundary,
  crossing,
  type Crosses,
  decode,
  encode,
  lose,
  type Marshalled,
  registerKind,
} from "../codec/index.js";
import { CorruptError, UnknownClassError } from "../errors/index.js";
import type { Heap } from "../memory/index.js";

/**
 * A value that travels within a message, and is opened apart from it: what cannot be made where it arrives, for want of
 * memory or of a class, takes nothing along that stands beside it. It is opened once, or lost. Until a message with it
 * is sent it is its sender's.
 */
export class Sealed<T = unknown> implements Crosses {
  readonly #bytes: Uint8Array;
  readonly #committed: (() => void) | undefined;

  private constructor(bytes: Uint8Array, committed: (() => void) | undefined) {
    this.#bytes = bytes;
    this.#committed = committed;
  }

  /** @throws UnsendableError with the path of what cannot cross, which begins with `root` */
  static of<T>(value: T, heap: Heap, root: string): Sealed<T> {
    const message = encode(value, { to: heap.across, root, tells: true });
    const { committed } = message;
    const bytes = message.toBytes();
    message.release();
    return new Sealed<T>(bytes, committed);
  }

  /** @internal */
  static arrived(payload: unknown): Sealed {
    if (!types.isUint8Array(payload)) throw new CorruptError("what is sealed within a message is malformed");
    return new Sealed(payload, undefined);
  }

  /** Its value, for a message that came through `heap`. What fails for want of a class alone may be opened again. */
  open(heap: Heap): T {
    try {
      return decode(this.#bytes, 0, this.#bytes.length, undefined, heap) as T;
    } catch (error) {
      if (!(error instanceof UnknownClassError)) this.lose();
      throw error;
    }
  }

  /** Nobody gets what was not opened of it. */
  lose(): void {
    lose(this.#bytes, 0, this.#bytes.length, "uncertain");
  }

  /** It was not sent, and will not be: what it holds is let go of. */
  takeBack(): void {
    lose(this.#bytes, 0, this.#bytes.length, "returned");
  }

  /** @internal */
  [crossing](_to: Boundary, _path: string): Marshalled {
    const { buffer, byteOffset, length } = this.#bytes;
    return {
      kind: "Sealed",
      payload: Buffer.from(buffer, byteOffset, length),
      ...(this.#committed === undefined ? {} : { committed: this.#committed }),
    };
  }
}

registerKind(
  "Sealed",
  (payload: unknown) => Sealed.arrived(payload),
  (payload: unknown, end) => {
    // A message that was not sent leaves it with its sender, who sends it again or takes it back: to do both here and
    // there would let go twice of what it holds, which may be somebody else's by the second time.
    if (end !== "returned" && types.isUint8Array(payload)) lose(payload, 0, payload.length, end);
  },
);
