/**
 * BigInts as bytes, by way of hexadecimal digits: the only conversion V8 does in linear time in both directions.
 * Shifting words out with `>>` or `BigInt.asUintN` copies the rest at every step, so it is quadratic unless it halves
 * recursively, and then still slower.
 */

/** The bytes of a number that is not negative, highest first. */
export function bigintToBytes(value: bigint): Buffer {
  const digits = value.toString(16);
  return Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex");
}

/** The number whose bytes, highest first, stand in `bytes` from `start` up to `end`. */
export function bytesToBigint(bytes: Buffer, start: number, end: number): bigint {
  return start === end ? 0n : BigInt(`0x${bytes.toString("hex", start, end)}`);
}
