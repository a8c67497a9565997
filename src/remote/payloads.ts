import { RemoteUnavailableError, ValueTooLargeError } from "../errors/index.js";
import type { ValueStore } from "./engine.js";
import type { WirePayload } from "./wire.js";

/** Longer than this, a value lies under a key of its own. */
export const MOST_INLINE = 256 * 1024;

/** The way of encoded values into messages, and out of them. */
export class Payloads {
  readonly #store: () => ValueStore;

  constructor(store: () => ValueStore) {
    this.#store = store;
  }

  /** Undefined where the bytes have to be put under a key first. */
  static inline(bytes: Uint8Array): WirePayload | undefined {
    return bytes.length > MOST_INLINE
      ? undefined
      : { m: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64") };
  }

  async wrap(key: string, bytes: Uint8Array, keep: number): Promise<WirePayload> {
    const inline = Payloads.inline(bytes);
    if (inline !== undefined) return inline;
    await this.#store().put(key, bytes, keep);
    return { k: key, n: bytes.length };
  }

  /** Undefined where they lie under a key. */
  static opened(payload: WirePayload): Uint8Array | undefined {
    return "m" in payload ? Buffer.from(payload.m, "base64") : undefined;
  }

  /** @throws RemoteUnavailableError when they are not there any more */
  async open(payload: WirePayload): Promise<Uint8Array> {
    const inline = Payloads.opened(payload);
    if (inline !== undefined) return inline;
    const { k, n } = payload as { k: string; n: number };
    const bytes = await this.#store().get(k);
    if (bytes !== undefined && bytes.length === n) return bytes;
    throw new RemoteUnavailableError(
      `a value of ${n} bytes is not kept any more under "${k}": keep it longer by the pool's retention`,
      { reason: "lost" },
    );
  }

  async drop(payload: WirePayload): Promise<void> {
    if ("k" in payload) await this.#store().delete(payload.k);
  }
}

/** @throws ValueTooLargeError */
export function checkLength(length: number, most: number, root: string, value: () => unknown): void {
  if (length <= most) return;
  const path = pathOfMost(root, value(), most);
  throw new ValueTooLargeError(
    `${path} has ${length} bytes, and a remote task carries ${most}: send less, such as the name of a file that workers reach, or raise maxValueBytes`,
    { path, bytes: length },
  );
}

/** How deep the path goes. */
const MOST_DEPTH = 6;

/** Where the most of a value is: downwards as long as one field alone has more than a half. */
function pathOfMost(root: string, value: unknown, most: number): string {
  let path = root;
  for (let depth = 0; depth < MOST_DEPTH; depth++) {
    if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) break;
    const isList = Array.isArray(value);
    let found: [string, unknown] | undefined;
    for (const [key, field] of Object.entries(value))
      if (sizeOf(field, 4) > most / 2) found = [isList ? `[${key}]` : `.${key}`, field];
    if (found === undefined) break;
    path += found[0];
    value = found[1];
  }
  return path;
}

/** Bytes, roughly. */
function sizeOf(value: unknown, depth: number): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 8;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return value.byteLength;
  if (depth === 0) return 8;
  let size = 0;
  for (const field of value instanceof Map
    ? [...value.entries()].flat()
    : value instanceof Set
      ? value
      : Object.values(value))
    size += sizeOf(field, depth - 1);
  return size;
}
