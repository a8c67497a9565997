import { ArgumentRangeError, ArgumentTypeError } from "../errors/index.js";
import { type ScalarOf, type ScalarTrait, type ScalarType, show, traitOf } from "./scalar-type.js";

/** The fields of a `Struct`: a type each, or fields of their own. */
export interface StructSchema {
  readonly [field: string]: ScalarType | StructSchema;
}

/** What a struct of this schema looks like as a plain object. */
export type InferStruct<S extends StructSchema> = {
  -readonly [K in keyof S]: S[K] extends ScalarType
    ? ScalarOf<S[K]>
    : S[K] extends StructSchema
      ? InferStruct<S[K]>
      : never;
};

/** Some of the fields of a struct: what is to be changed. */
export type StructChange<S extends StructSchema> = {
  -readonly [K in keyof S]?: S[K] extends ScalarType
    ? ScalarOf<S[K]>
    : S[K] extends StructSchema
      ? StructChange<S[K]>
      : never;
};

type Groups<S extends StructSchema> = { [K in keyof S]: S[K] extends ScalarType ? never : K }[keyof S];

/** The fields of a struct, each of them one atomic load or store away. */
export type StructFields<S extends StructSchema> = {
  -readonly [K in Exclude<keyof S, Groups<S>>]: S[K] extends ScalarType ? ScalarOf<S[K]> : never;
} & { readonly [K in Groups<S>]: S[K] extends StructSchema ? StructFields<S[K]> : never };

/** One cell of a struct. */
export interface Leaf {
  readonly trait: ScalarTrait;
  /** Its first byte, from the first field's on. */
  readonly offset: number;
  /** How it is written, as in "inner.ok". */
  readonly path: string;
}

/** Fields that stand together: what a name is, either the number of a leaf or another group. */
export type Group = ReadonlyMap<string, number | Group>;

/** Where the fields of a schema stand. */
export interface StructLayout {
  readonly schema: StructSchema;
  /** Tells schemas apart, so that a handle never meets fields of another shape. Never 0. */
  readonly fingerprint: number;
  readonly leaves: readonly Leaf[];
  readonly root: Group;
  readonly bytes: number;
}

const DEEPEST = 32;
const MOST_FIELDS = 65_536;

const layouts = new Map<string, StructLayout>();

/** The layout of a schema, worked out once. @throws ArgumentTypeError, ArgumentRangeError */
export function layoutOf(schema: unknown): StructLayout {
  const builder = new LayoutBuilder();
  if (!isGroup(schema))
    throw new ArgumentTypeError(`new Struct(schema): an object such as { x: "float64" }, got ${show(schema)}`);
  let text: string;
  try {
    text = JSON.stringify(schema);
  } catch (cause) {
    throw new ArgumentTypeError(
      "new Struct(schema): the schema must be fields of fields that end in types, not contain itself",
      { cause },
    );
  }
  const known = layouts.get(text);
  // Text alone would let through what JSON has no word for, as { x: undefined }.
  if (known !== undefined && sameShape(schema, known.schema)) return known;
  const root = builder.group(schema, "", 1);
  const layout = {
    schema: JSON.parse(text) as StructSchema,
    fingerprint: fingerprintOf(text),
    leaves: builder.leaves,
    root,
    bytes: builder.bytes,
  };
  layouts.set(text, layout);
  return layout;
}

/**
 * As a C compiler does it: in the order written, each field at a multiple of its own size, a group at a multiple of its
 * largest field's.
 */
class LayoutBuilder {
  readonly leaves: Leaf[] = [];
  bytes = 0;

  group(schema: StructSchema, path: string, depth: number): Group {
    if (depth > DEEPEST)
      throw new ArgumentRangeError(`schema: ${path} is nested more than ${DEEPEST} levels deep; flatten it`);
    const names = Object.keys(schema);
    if (names.length === 0) throw new ArgumentRangeError(`schema: ${path === "" ? "it" : path} has no fields`);
    this.#align(sizeOfLargest(schema, path, depth));
    const group = new Map<string, number | Group>();
    for (const name of names) {
      const place = pathTo(path, name);
      if (name === "__proto__") throw new ArgumentRangeError("schema: a field cannot be called __proto__");
      const type = schema[name];
      group.set(name, isGroup(type) ? this.group(type, place, depth + 1) : this.#leaf(type, place));
    }
    return group;
  }

  #leaf(type: unknown, path: string): number {
    const trait = traitOf(type, `schema: ${path}`);
    this.#align(trait.bytes);
    if (this.leaves.length === MOST_FIELDS)
      throw new ArgumentRangeError(`schema: more than ${MOST_FIELDS} fields; use a SharedArray`);
    this.leaves.push({ trait, offset: this.bytes, path });
    this.bytes += trait.bytes;
    return this.leaves.length - 1;
  }

  #align(bytes: number): void {
    this.bytes = Math.ceil(this.bytes / bytes) * bytes;
  }
}

function isGroup(value: unknown): value is StructSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sizeOfLargest(schema: StructSchema, path: string, depth: number): number {
  if (depth > DEEPEST) return 1;
  const sizes = Object.entries(schema).map(([name, type]) => {
    const place = pathTo(path, name);
    return isGroup(type) ? sizeOfLargest(type, place, depth + 1) : traitOf(type, `schema: ${place}`).bytes;
  });
  // Not as arguments of one call: of those there can be only so many.
  return sizes.reduce((largest, size) => Math.max(largest, size), 1);
}

function pathTo(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function sameShape(schema: StructSchema, known: StructSchema): boolean {
  const names = Object.keys(schema);
  return (
    names.length === Object.keys(known).length &&
    names.every((name) => {
      const [one, other] = [schema[name], known[name]];
      return isGroup(one) && isGroup(other) ? sameShape(one, other) : one === other;
    })
  );
}

/** FNV-1a. */
function fingerprintOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash | 0 || 1;
}
