import { shortText, shortTextLimit, smallInteger, Tag } from "./tags.js";
import { bigintToBytes } from "./bigint-bytes.js";
import { copyBytes } from "./copy-bytes.js";

const initialSize = 8192;
/** A scratch buffer that grew beyond this is given back at the next start. */
const keptSize = 1 << 20;
/** From here on it is cheaper to remember where bytes are than to copy them twice. */
const pieceSize = 4096;

const nothing = new Uint8Array(0);

/**
 * Bytes that are copied only when the message is written, from where they are. They belong at index `at` of the scratch
 * bytes.
 */
class Piece {
  readonly at: number;
  readonly length: number;
  readonly bytes: Uint8Array;
  readonly text: string;
  readonly encoding: BufferEncoding;

  constructor(at: number, length: number, bytes: Uint8Array, text: string, encoding: BufferEncoding) {
    this.at = at;
    this.length = length;
    this.bytes = bytes;
    this.text = text;
    this.encoding = encoding;
  }

  writeTo(target: Uint8Array, at: number): void {
    if (this.bytes !== nothing) copyBytes(this.bytes, 0, this.length, target, at);
    else
      Buffer.from(target.buffer, target.byteOffset, target.byteLength).write(this.text, at, this.length, this.encoding);
  }
}

/** Writes primitives into a scratch buffer that is kept from message to message. */
export class ByteWriter {
  protected bytes = Buffer.allocUnsafeSlow(initialSize);
  protected at = 0;
  protected readonly pieces: Piece[] = [];
  private view = new DataView(this.bytes.buffer);
  private pieceBytes = 0;

  get length(): number {
    return this.at + this.pieceBytes;
  }

  writeTo(target: Uint8Array, at: number): void {
    let from = 0;
    for (const piece of this.pieces) {
      copyBytes(this.bytes, from, piece.at, target, at);
      at += piece.at - from;
      piece.writeTo(target, at);
      at += piece.length;
      from = piece.at;
    }
    copyBytes(this.bytes, from, this.at, target, at);
  }

  toBytes(): Uint8Array<ArrayBuffer> {
    const copy = new Uint8Array(this.length);
    this.writeTo(copy, 0);
    return copy;
  }

  byte(value: number): void {
    if (this.at === this.bytes.length) this.grow(1);
    this.bytes[this.at++] = value;
  }

  /** A length, count or index: 0 up to `Number.MAX_SAFE_INTEGER`. */
  varint(value: number): void {
    if (this.at + 8 > this.bytes.length) this.grow(8);
    while (value > 0x7f) {
      const low = value & 0x7f;
      this.bytes[this.at++] = low | 0x80;
      value = (value - low) / 0x80;
    }
    this.bytes[this.at++] = value;
  }

  number(value: number): void {
    if (this.at + 9 > this.bytes.length) this.grow(9);
    const { bytes, at } = this;
    if ((value | 0) !== value || (value === 0 && 1 / value < 0)) {
      bytes[at] = Tag.double;
      this.view.setFloat64(at + 1, value, true);
      this.at = at + 9;
    } else if (value >= 0 && value < 0x80) {
      bytes[at] = smallInteger + value;
      this.at = at + 1;
    } else if (value >= -0x80 && value < 0) {
      bytes[at] = Tag.int8;
      bytes[at + 1] = value;
      this.at = at + 2;
    } else if (value >= -0x8000 && value < 0x8000) {
      bytes[at] = Tag.int16;
      this.view.setInt16(at + 1, value, true);
      this.at = at + 3;
    } else {
      bytes[at] = Tag.int32;
      this.view.setInt32(at + 1, value, true);
      this.at = at + 5;
    }
  }

  bigint(value: bigint): void {
    if (BigInt.asIntN(64, value) === value) {
      if (this.at + 9 > this.bytes.length) this.grow(9);
      this.bytes[this.at] = Tag.bigint64;
      this.view.setBigInt64(this.at + 1, value, true);
      this.at += 9;
      return;
    }
    this.byte(value < 0n ? Tag.bigintNegative : Tag.bigintPositive);
    const magnitude = bigintToBytes(value < 0n ? -value : value);
    this.varint(magnitude.length);
    this.binary(magnitude);
  }

  text(value: string): void {
    const length = value.length;
    if (length <= shortTextLimit) {
      if (this.at + length >= this.bytes.length) this.grow(length + 1);
      const { bytes, at } = this;
      let index = 0;
      for (; index < length; index++) {
        const unit = value.charCodeAt(index);
        if (unit > 0x7f) break;
        bytes[at + 1 + index] = unit;
      }
      if (index === length) {
        bytes[at] = shortText + length;
        this.at = at + 1 + length;
        return;
      }
    }
    this.textSlow(value);
  }

  /** `source` as it is: its reader knows its length. */
  binary(source: Uint8Array): void {
    const length = source.length;
    if (length >= pieceSize) {
      this.addPiece(length, source, "", "latin1");
      return;
    }
    if (this.at + length > this.bytes.length) this.grow(length);
    copyBytes(source, 0, length, this.bytes, this.at);
    this.at += length;
  }

  /** Puts `source` before all that was written so far. */
  protected prepend(source: Uint8Array): void {
    this.pieces.unshift(new Piece(0, source.length, source, "", "latin1"));
    this.pieceBytes += source.length;
  }

  /** Forgets all that was written after the given state. */
  /**
   * The first piece whose bytes are no longer as many as were counted: its buffer was moved, or made shorter, by code
   * that ran since.
   */
  protected changedPiece(): number {
    return this.pieces.findIndex(({ bytes, length }) => bytes !== nothing && bytes.length !== length);
  }

  protected truncate(at: number, pieces: number): void {
    this.at = at;
    while (this.pieces.length > pieces) this.pieceBytes -= (this.pieces.pop() as Piece).length;
  }

  protected restart(): void {
    this.truncate(0, 0);
    if (this.bytes.length > keptSize) {
      this.bytes = Buffer.allocUnsafeSlow(initialSize);
      this.view = new DataView(this.bytes.buffer);
    }
  }

  private textSlow(value: string): void {
    const bytes = Buffer.byteLength(value);
    // UTF-16 also where UTF-8 would be longer: it is the only form that is copied and not parsed.
    if (bytes === value.length) this.encodedText(Tag.ascii, "latin1", value, bytes);
    else if (bytes <= value.length * 2 && value.isWellFormed()) this.encodedText(Tag.utf8, "utf8", value, bytes);
    else this.encodedText(Tag.utf16, "utf16le", value, value.length * 2);
  }

  private encodedText(tag: number, encoding: BufferEncoding, value: string, length: number): void {
    this.byte(tag);
    this.varint(length);
    if (length >= pieceSize) {
      this.addPiece(length, nothing, value, encoding);
      return;
    }
    if (this.at + length > this.bytes.length) this.grow(length);
    this.bytes.write(value, this.at, length, encoding);
    this.at += length;
  }

  private addPiece(length: number, bytes: Uint8Array, text: string, encoding: BufferEncoding): void {
    this.pieces.push(new Piece(this.at, length, bytes, text, encoding));
    this.pieceBytes += length;
  }

  private grow(more: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.at + more));
    grown.set(this.bytes.subarray(0, this.at));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }
}
