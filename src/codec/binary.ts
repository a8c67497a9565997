/** ArrayBuffers, and the views that look into them. */
import { types } from "node:util";
import { platformClone } from "./platform-clone.js";
import { refusalOfSharedMemory } from "./refusal.js";
import { bufferOf, ownerOf } from "./shared-buffer.js";
import { Tag } from "./tags.js";
import type { ValueReader } from "./value-reader.js";
import type { ValueWriter } from "./value-writer.js";

interface ViewClass {
  readonly prototype: object;
  readonly BYTES_PER_ELEMENT?: number;
  new (buffer: ArrayBufferLike, offset: number, length?: number): ArrayBufferView;
}

function makeBuffer(buffer: ArrayBufferLike, offset: number, length?: number): Buffer {
  return length === undefined
    ? Buffer.from(buffer as ArrayBuffer, offset)
    : Buffer.from(buffer as ArrayBuffer, offset, length);
}

/** By index in the message: new ones only at the end. Where the platform lacks one, what arrives is refused. */
export const viewClasses: readonly (ViewClass | undefined)[] = [
  DataView,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  (globalThis as { Float16Array?: ViewClass }).Float16Array,
];
const nodeBufferIndex = viewClasses.length;
const indexByName = new Map(
  viewClasses.map((viewClass, index) => [(viewClass as { name?: string } | undefined)?.name, index]),
);

/** How many bytes each element of a view of this class has. */
export function elementBytes(index: number): number {
  return viewClasses[index]?.BYTES_PER_ELEMENT ?? 1;
}

export function writeArrayBuffer(encoder: ValueWriter, buffer: ArrayBuffer): void {
  if (writeSharedBuffer(encoder, buffer)) return;
  if (isDetached(buffer))
    encoder.refuse({
      what: "a detached ArrayBuffer",
      fix: "it was transferred before; send what it was transferred to",
    });
  if (encoder.attaches(buffer)) {
    encoder.attachment(buffer);
    return;
  }
  if (buffer.resizable) {
    encoder.reserveSpace(buffer.maxByteLength);
    encoder.byte(Tag.resizableBuffer);
    encoder.varint(buffer.maxByteLength);
  } else {
    encoder.byte(Tag.arrayBuffer);
  }
  encoder.varint(buffer.byteLength);
  encoder.binary(new Uint8Array(buffer));
}

export function readArrayBuffer(decoder: ValueReader): ArrayBuffer {
  const identity = decoder.reserve();
  const buffer = new ArrayBuffer(decoder.size());
  decoder.binary(new Uint8Array(buffer));
  return decoder.resolve(identity, buffer);
}

export function readResizableBuffer(decoder: ValueReader): ArrayBuffer {
  const identity = decoder.reserve();
  const maxByteLength = decoder.varint();
  const size = decoder.size();
  decoder.reserveSpace(maxByteLength);
  const buffer = new ArrayBuffer(size, { maxByteLength });
  decoder.binary(new Uint8Array(buffer));
  return decoder.resolve(identity, buffer);
}

/**
 * A buffer of SharedMemory or SharedArray travels as what it belongs to: whatever looks into it arrives as a view of
 * the same memory.
 */
function writeSharedBuffer(encoder: ValueWriter, buffer: ArrayBufferLike): boolean {
  const owner = ownerOf(buffer);
  if (owner === undefined) return false;
  encoder.byte(Tag.sharedBuffer);
  const depth = encoder.descend();
  encoder.write(owner);
  encoder.ascend(depth);
  return true;
}

export function readSharedBuffer(decoder: ValueReader): ArrayBufferLike {
  const identity = decoder.reserve();
  const buffer = bufferOf(decoder.read());
  if (buffer === undefined) throw decoder.corrupt("a buffer belongs to nothing that has one");
  return decoder.resolve(identity, buffer);
}

export function writeSharedArrayBuffer(encoder: ValueWriter, buffer: SharedArrayBuffer): void {
  if (writeSharedBuffer(encoder, buffer)) return;
  if (!encoder.attach) encoder.refuse(refusalOfSharedMemory(encoder.to, encoder.apart));
  encoder.attachment(buffer);
}

/**
 * A Buffer travels as its own bytes alone, never the pool it lies in, unless the memory itself is shared or
 * transferred.
 */
export function writeNodeBuffer(encoder: ValueWriter, value: Buffer): void {
  if (
    types.isSharedArrayBuffer(value.buffer) ||
    encoder.attaches(value.buffer) ||
    ownerOf(value.buffer) !== undefined
  ) {
    writeView(encoder, value, nodeBufferIndex);
    return;
  }
  if (value.length === 0 && isDetached(value.buffer as ArrayBuffer))
    encoder.refuse({ what: "a detached Buffer", fix: "its memory was transferred before" });
  encoder.byte(Tag.nodeBuffer);
  encoder.varint(value.length);
  encoder.binary(value);
}

export function readNodeBuffer(decoder: ValueReader): Buffer {
  const identity = decoder.reserve();
  return decoder.resolve(identity, decoder.binary(Buffer.allocUnsafe(decoder.size())));
}

export function writeTypedArray(encoder: ValueWriter, value: ArrayBufferView): void {
  const name = nameOfView(value);
  const index = indexByName.get(name);
  if (index === undefined) throw new TypeError(`${name} is not known`);
  writeView(encoder, value, index);
}

function writeView(encoder: ValueWriter, value: ArrayBufferView, index: number): void {
  const { buffer } = value;
  if (types.isSharedArrayBuffer(buffer) && ownerOf(buffer) === undefined) {
    if (!encoder.attach) encoder.refuse(refusalOfSharedMemory(encoder.to, encoder.apart));
    // Only the platform knows whether a view follows the growth of shared memory, so it carries the view itself.
    if (buffer.growable && index !== nodeBufferIndex) {
      encoder.attachment(value);
      return;
    }
  }
  encoder.byte(Tag.view);
  encoder.byte(index);
  encoder.byte(tracksLength(value) ? 1 : 0);
  encoder.varint(value.byteOffset);
  encoder.varint("length" in value ? (value as Uint8Array).length : value.byteLength);
  encoder.write(buffer);
}

export function readView(decoder: ValueReader): ArrayBufferView {
  const identity = decoder.reserve();
  const index = decoder.byte();
  const tracking = decoder.byte() === 1;
  const offset = decoder.varint();
  const fixedLength = decoder.varint();
  const length = tracking ? undefined : fixedLength;
  const buffer = decoder.read();
  if (!types.isAnyArrayBuffer(buffer)) throw decoder.corrupt("a view lacks its buffer");
  if (index === nodeBufferIndex) return decoder.resolve(identity, makeBuffer(buffer, offset, length));
  const viewClass = viewClasses[index];
  if (viewClass === undefined) throw decoder.corrupt("a view is of a class that this platform lacks");
  return decoder.resolve(
    identity,
    length === undefined ? new viewClass(buffer, offset) : new viewClass(buffer, offset, length),
  );
}

/** Whether a view grows with its buffer. The language does not tell, so the buffer of a copy is resized to see. */
function tracksLength(value: ArrayBufferView): boolean {
  const { buffer, byteOffset, byteLength } = value;
  if (!types.isArrayBuffer(buffer) || !buffer.resizable || byteOffset + byteLength + 8 <= buffer.byteLength)
    return false;
  const copy = platformClone(value);
  const copied = copy.buffer as ArrayBuffer;
  if (byteLength === 0) {
    copied.resize(Math.min(copied.maxByteLength, copied.byteLength + 8));
    return copy.byteLength > 0;
  }
  copied.resize(byteOffset + byteLength - 1);
  try {
    // Both throw on a view of fixed length that no longer fits.
    return types.isDataView(copy) ? copy.byteLength >= 0 : (copy as Uint8Array).indexOf(0) >= -1;
  } catch {
    return false;
  }
}

/**
 * Memory that the platform made, which makes it in the main realm, and a view of it: from here on they are of this
 * realm.
 */
export function ofThisRealm<T>(value: T): T {
  if (types.isAnyArrayBuffer(value))
    adopt(value, types.isSharedArrayBuffer(value) ? SharedArrayBuffer.prototype : ArrayBuffer.prototype);
  else if (ArrayBuffer.isView(value) && !Buffer.isBuffer(value)) {
    ofThisRealm(value.buffer);
    const viewClass = viewClasses[indexByName.get(nameOfView(value)) ?? nodeBufferIndex];
    if (viewClass !== undefined) adopt(value, viewClass.prototype);
  }
  return value;
}

function adopt(value: object, prototype: object): void {
  if (Object.getPrototypeOf(value) !== prototype) Object.setPrototypeOf(value, prototype);
}

function nameOfView(value: ArrayBufferView): string | undefined {
  return types.isDataView(value) ? "DataView" : (value as Uint8Array)[Symbol.toStringTag];
}

export function isDetached(buffer: ArrayBuffer): boolean {
  if (buffer.byteLength > 0) return false;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}
