import { CorruptError } from "../errors/index.js";
import { bytesToBigint } from "./bigint-bytes.js";
import { copyBytes } from "./copy-bytes.js";
import { bigintByteLimit, shortText, smallInteger, Tag } from "./tags.js";

const none = new Uint8Array(0);
const eight = new Uint8Array(8);
const eightView = new DataView(eight.buffer);

/**
 * Text that V8 reads more than once, as it counts the characters of UTF-8 before it writes them: read where another
 * worker may write meanwhile, it would be written beyond its string. So it is copied here first. One byte a character,
 * and hexadecimal digits, are read once.
 */
let copied = Buffer.allocUnsafeSlow(4096);
/** A longer text is copied into memory of its own, which goes when it has been read. */
const keptBytes = 1 << 20;

/** Below this length V8 joins strings by copying; above, it builds a tree that is flattened later. */
const loopLimit = 12;

/**
 * Keys that came before, so that a key met again costs no new string. A slot is overwritten by the next key that falls
 * into it.
 */
const knownKeys: string[] = new Array<string>(1024).fill("");
const knownKeyLimit = 32;

interface Lens {
  readonly buffer: Buffer;
  readonly view: DataView;
}

const lenses = new WeakMap<Uint8Array, Lens>();

/**
 * Reads what `ByteWriter` wrote, and trusts none of it: every length is checked against the end of the message before
 * it is used. The bytes may stand in shared memory, and change while they are read. So each byte is read once, and goes
 * by what was read; what looks twice at the same bytes looks at a copy.
 */
export class ByteReader {
  protected bytes: Uint8Array = none;
  protected at = 0;
  protected end = 0;
  private lens: Lens | undefined;

  /** Readies this reader. @throws CorruptError when the bytes do not hold that much. */
  protected open(bytes: Uint8Array, at: number, length: number): void {
    if (!(at >= 0 && length >= 0 && at + length <= bytes.length))
      throw new CorruptError(`a message of ${length} bytes at ${at} lies outside its ${bytes.length} bytes`);
    this.bytes = bytes;
    this.at = at;
    this.end = at + length;
  }

  protected close(): void {
    this.bytes = none;
    this.lens = undefined;
  }

  corrupt(what: string, cause?: unknown): CorruptError {
    return new CorruptError(
      `what arrived is not what this library sends: ${what}`,
      cause === undefined ? undefined : { cause },
    );
  }

  byte(): number {
    if (this.at >= this.end) throw this.corrupt("it ends too early");
    return this.bytes[this.at++] as number;
  }

  varint(): number {
    let value = this.byte();
    if (value < 0x80) return value;
    value -= 0x80;
    for (let unit = 0x80; ; unit *= 0x80) {
      const next = this.byte();
      value += (next & 0x7f) * unit;
      if (!Number.isSafeInteger(value)) throw this.corrupt("a length is out of range");
      if (next < 0x80) return value;
    }
  }

  /** A length in bytes: no more than there are. */
  size(): number {
    const size = this.varint();
    if (size > this.end - this.at) throw this.corrupt("it ends too early");
    return size;
  }

  int8(): number {
    return (this.byte() << 24) >> 24;
  }

  int16(): number {
    const at = this.take(2);
    return (((this.bytes[at] as number) | ((this.bytes[at + 1] as number) << 8)) << 16) >> 16;
  }

  int32(): number {
    const at = this.take(4);
    const bytes = this.bytes;
    return (
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    );
  }

  double(): number {
    if (this.lens !== undefined) return this.lens.view.getFloat64(this.take(8), true);
    this.takeEight();
    return eightView.getFloat64(0, true);
  }

  bigint64(): bigint {
    this.takeEight();
    return eightView.getBigInt64(0, true);
  }

  bigint(): bigint {
    const size = this.size();
    if (size > bigintByteLimit) throw this.corrupt("a BigInt is larger than any can be");
    const at = this.take(size);
    try {
      return bytesToBigint(this.asBuffer(), at, at + size);
    } catch (cause) {
      throw this.corrupt("a BigInt is larger than any can be", cause);
    }
  }

  /** A number written by `ByteWriter.number`. */
  number(): number {
    const tag = this.byte();
    if (tag >= smallInteger) return tag - smallInteger;
    switch (tag) {
      case Tag.int8:
        return this.int8();
      case Tag.int16:
        return this.int16();
      case Tag.int32:
        return this.int32();
      case Tag.double:
        return this.double();
      default:
        throw this.corrupt("a number is missing");
    }
  }

  text(): string {
    return this.textOf(this.byte());
  }

  /** A string whose first byte was read already. */
  textOf(tag: number): string {
    if (tag >= shortText && tag < smallInteger) return this.shortText(tag - shortText);
    switch (tag) {
      case Tag.ascii:
        return this.encodedText("latin1");
      case Tag.utf8:
        return this.encodedText("utf8");
      case Tag.utf16:
        return this.encodedText("utf16le");
      default:
        throw this.corrupt("a string is missing");
    }
  }

  /** A string that has likely been met before: the name of a field or of a kind. */
  key(): string {
    const tag = this.byte();
    const length = tag - shortText;
    if (length <= 0 || length > knownKeyLimit) return this.textOf(tag);
    const at = this.take(length);
    const bytes = this.bytes;
    const slot =
      (length +
        (bytes[at] as number) * 7 +
        (bytes[at + (length >> 1)] as number) * 31 +
        (bytes[at + length - 1] as number) * 131) &
      1023;
    const known = knownKeys[slot] as string;
    if (known.length === length) {
      let index = 0;
      while (index < length && known.charCodeAt(index) === bytes[at + index]) index++;
      if (index === length) return known;
    }
    this.at = at;
    const key = this.shortText(length);
    knownKeys[slot] = key;
    return key;
  }

  /** Fills `target` with the next bytes. */
  binary<T extends Uint8Array>(target: T): T {
    const at = this.take(target.length);
    copyBytes(this.bytes, at, at + target.length, target, 0);
    return target;
  }

  /** The place of the next `size` bytes, which count as read. */
  protected take(size: number): number {
    const at = this.at;
    if (size > this.end - at) throw this.corrupt("it ends too early");
    this.at = at + size;
    return at;
  }

  private takeEight(): void {
    const at = this.take(8);
    const bytes = this.bytes;
    for (let index = 0; index < 8; index++) eight[index] = bytes[at + index] as number;
  }

  private shortText(length: number): string {
    const at = this.take(length);
    if (length > loopLimit) return this.asBuffer().toString("latin1", at, at + length);
    const bytes = this.bytes;
    let text = "";
    let index = at;
    for (const last = at + length - 4; index <= last; index += 4) {
      text += String.fromCharCode(
        bytes[index] as number,
        bytes[index + 1] as number,
        bytes[index + 2] as number,
        bytes[index + 3] as number,
      );
    }
    for (; index < at + length; index++) text += String.fromCharCode(bytes[index] as number);
    return text;
  }

  private encodedText(encoding: BufferEncoding): string {
    const size = this.size();
    const at = this.take(size);
    if (encoding === "latin1") return this.asBuffer().toString(encoding, at, at + size);
    return this.copyOf(at, size).toString(encoding, 0, size);
  }

  /** The bytes in memory of this thread alone, until the next call. */
  private copyOf(at: number, size: number): Buffer {
    let target = copied;
    if (size > target.length) {
      target = Buffer.allocUnsafeSlow(size);
      if (size <= keptBytes) copied = target;
    }
    copyBytes(this.bytes, at, at + size, target, 0);
    return target;
  }

  private asBuffer(): Buffer {
    return (this.lens ?? this.openLens()).buffer;
  }

  /**
   * Opens other views of the bytes. They pay for themselves from a few numbers on, and are found again where all
   * messages come from one ring.
   */
  protected openLens(): Lens {
    let lens = lenses.get(this.bytes);
    // Not so where the bytes grow with their buffer.
    if (lens === undefined || lens.buffer.length !== this.bytes.length) {
      const { buffer, byteOffset, byteLength } = this.bytes;
      lens = {
        buffer: Buffer.from(buffer, byteOffset, byteLength),
        view: new DataView(buffer, byteOffset, byteLength),
      };
      lenses.set(this.bytes, lens);
    }
    this.lens = lens;
    return lens;
  }
}
