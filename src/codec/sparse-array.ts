import { Tag } from "./tags.js";
import type { ValueWriter } from "./value-writer.js";

/** Writes what an array has from its first hole on. The writer is `depth` levels down, at the array's items. */
export function writeSparseRest(writer: ValueWriter, value: readonly unknown[], from: number, depth: number): void {
  const indexes = indexesFrom(value, from);
  writer.byte(Tag.sparseRest);
  writer.varint(indexes.length);
  for (const index of indexes) {
    writer.varint(index);
    writer.step(depth, index);
    writer.write(value[index]);
  }
}

/** The indexes from `from` on at which an array has an item. */
function indexesFrom(value: readonly unknown[], from: number): number[] {
  // Keys, not a loop over the indexes: `const a = []; a[4e9] = 1` has one of them.
  const indexes: number[] = [];
  for (const key of Object.keys(value)) {
    const index = Number(key);
    if (index >= from && Number.isInteger(index) && index < value.length && String(index) === key) indexes.push(index);
  }
  return indexes;
}
