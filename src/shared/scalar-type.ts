import { ArgumentRangeError, ArgumentTypeError, CorruptError } from "../errors/index.js";

/** The integer types of at most 32 bits. */
export type Int = "int8" | "uint8" | "int16" | "uint16" | "int32" | "uint32";
/** The types whose values are numbers. */
export type NumberType = Int | "float32" | "float64";
/** The types whose values are bigints. */
export type BigIntType = "bigint64" | "biguint64";
/** Every type that a cell of shared memory can have. */
export type ScalarType = NumberType | BigIntType | "bool";

/** What a cell can hold. */
export type Scalar = number | bigint | boolean;
/** What a cell of this type holds. */
export type ScalarOf<K extends ScalarType> = K extends "bool" ? boolean : K extends BigIntType ? bigint : number;
/** What `add` and `sub` take: nothing for a boolean. */
export type Summand<T> = T extends boolean ? never : T;

/** The typed array over cells of each type; a boolean is a byte, 0 or 1. */
export interface ScalarViews {
  int8: Int8Array;
  uint8: Uint8Array;
  int16: Int16Array;
  uint16: Uint16Array;
  int32: Int32Array;
  uint32: Uint32Array;
  float32: Float32Array;
  float64: Float64Array;
  bigint64: BigInt64Array;
  biguint64: BigUint64Array;
  bool: Uint8Array;
}
export type ScalarView = ScalarViews[ScalarType];

type ViewClass = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => ScalarView;

/** What is known of a type. */
export interface ScalarTrait {
  readonly type: ScalarType;
  /** How blocks in shared memory name it. */
  readonly code: number;
  readonly bytes: number;
  readonly View: ViewClass;
  readonly zero: Scalar;
}

function trait(type: ScalarType, code: number, bytes: number, View: unknown, zero: Scalar): ScalarTrait {
  return { type, code, bytes, View: View as ViewClass, zero };
}

const traits: readonly ScalarTrait[] = [
  trait("int8", 1, 1, Int8Array, 0),
  trait("uint8", 2, 1, Uint8Array, 0),
  trait("int16", 3, 2, Int16Array, 0),
  trait("uint16", 4, 2, Uint16Array, 0),
  trait("int32", 5, 4, Int32Array, 0),
  trait("uint32", 6, 4, Uint32Array, 0),
  trait("float32", 7, 4, Float32Array, 0),
  trait("float64", 8, 8, Float64Array, 0),
  trait("bigint64", 9, 8, BigInt64Array, 0n),
  trait("biguint64", 10, 8, BigUint64Array, 0n),
  trait("bool", 11, 1, Uint8Array, false),
];
const byType = new Map<unknown, ScalarTrait>(traits.map((each) => [each.type, each]));

/** The trait of a type that a caller named. @throws ArgumentTypeError, ArgumentRangeError */
export function traitOf(type: unknown, where: string): ScalarTrait {
  const found = byType.get(type);
  if (found !== undefined) return found;
  const known = [...byType.keys()].map((name) => `"${name}"`).join(", ");
  if (typeof type !== "string")
    throw new ArgumentTypeError(`${where} must name a type, one of ${known}; got ${show(type)}`);
  throw new ArgumentRangeError(`${where} must be one of ${known}; got ${show(type)}`);
}

/** The trait that a block in shared memory names. */
export function traitOfCode(code: number): ScalarTrait {
  const found = traits[code - 1];
  if (found === undefined) throw new CorruptError(`shared memory names ${code} as the type of a cell`);
  return found;
}

/** Whole numbers that a type of up to 32 bits holds. */
export function rangeOf(type: Int): readonly [least: number, most: number] {
  const signed = type.startsWith("i");
  const bits = Number(type.replace(/\D+/, ""));
  return signed ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1];
}

/** Refuses what a cell of this type cannot hold unchanged. @throws ArgumentTypeError, ArgumentRangeError */
export function checkScalar(type: ScalarType, value: unknown, where: string): void {
  switch (type) {
    case "bool":
      if (typeof value !== "boolean") refuseKind(where, "true or false", type, value);
      return;
    case "bigint64":
    case "biguint64":
      if (typeof value !== "bigint") refuseKind(where, "a bigint such as 5n", type, value);
      if ((type === "bigint64" ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value)) !== value) {
        refuseRange(
          where,
          type === "bigint64" ? "from -(2n ** 63n) to 2n ** 63n - 1n" : "from 0n to 2n ** 64n - 1n",
          type,
          value,
        );
      }
      return;
    case "float64":
    case "float32":
      if (typeof value !== "number") refuseKind(where, "a number", type, value);
      if (type === "float32" && Number.isFinite(value) && !Number.isFinite(Math.fround(value))) {
        refuseRange(where, "within about 3.4e38 of zero", type, value);
      }
      return;
    default: {
      if (typeof value !== "number") refuseKind(where, "a number", type, value);
      const [least, most] = rangeOf(type);
      if (!(Number.isInteger(value) && value >= least && value <= most))
        refuseRange(where, `an integer from ${least} to ${most}`, type, value);
    }
  }
}

function refuseKind(where: string, wanted: string, type: ScalarType, value: unknown): never {
  throw new ArgumentTypeError(`${where} must be ${wanted} (${type}), got ${show(value)}`);
}

function refuseRange(where: string, wanted: string, type: ScalarType, value: unknown): never {
  throw new ArgumentRangeError(`${where} must be ${wanted} (${type}), got ${show(value)}`);
}

/** A value in a message. */
export function show(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  return typeof value === "function" ? "a function" : String(value);
}
