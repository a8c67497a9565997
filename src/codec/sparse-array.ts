/** The indexes from `from` on at which an array has an item. */
export function indexesFrom(value: readonly unknown[], from: number): number[] {
  // Keys, not a loop over the indexes: `const a = []; a[4e9] = 1` has one of them.
  const indexes: number[] = [];
  for (const key of Object.keys(value)) {
    const index = Number(key);
    if (index >= from && Number.isInteger(index) && index < value.length && String(index) === key) indexes.push(index);
  }
  return indexes;
}
