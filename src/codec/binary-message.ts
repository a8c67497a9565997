/** Messages that are nothing but bytes: a Buffer, an ArrayBuffer or one view. */
import { elementBytes } from "./binary.js";
import { ByteReader } from "./byte-reader.js";
import { Tag } from "./tags.js";

/** Where the bytes of such a message are. */
export interface BinaryPlace {
  /** Index of the first, -1 where they are not in the message but in shared memory that it names. */
  readonly at: number;
  /** How many there are. */
  readonly length: number;
}

class BinaryFinder extends ByteReader {
  find(bytes: Uint8Array, at: number, length: number): BinaryPlace | undefined {
    this.open(bytes, at, length);
    try {
      const tag = this.byte();
      if (tag === Tag.nodeBuffer) return this.bytesHere();
      return tag === Tag.view ? this.view() : this.buffer(tag);
    } finally {
      this.close();
    }
  }

  private buffer(tag: number): BinaryPlace | undefined {
    if (tag === Tag.resizableBuffer) this.varint();
    else if (tag !== Tag.arrayBuffer) return undefined;
    return this.bytesHere();
  }

  private bytesHere(): BinaryPlace {
    const length = this.size();
    return { at: this.at, length };
  }

  private view(): BinaryPlace | undefined {
    const each = elementBytes(this.byte());
    const tracks = this.byte() === 1;
    const offset = this.varint();
    const length = this.varint() * each;
    const tag = this.byte();
    if (tag === Tag.sharedBuffer) return { at: -1, length };
    const buffer = this.buffer(tag);
    if (buffer === undefined) return undefined;
    const size = tracks ? buffer.length - offset - ((buffer.length - offset) % each) : length;
    if (size < 0 || offset + size > buffer.length) throw this.corrupt("a view reaches beyond its buffer");
    return { at: buffer.at + offset, length: size };
  }
}

const finder = new BinaryFinder();

/**
 * Where the bytes of a message are that is nothing else; undefined for any other value. @throws CorruptError when the
 * bytes are not a message
 */
export function findBinary(bytes: Uint8Array, at: number, length: number): BinaryPlace | undefined {
  return finder.find(bytes, at, length);
}
