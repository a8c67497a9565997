/**
 * The platform's `structuredClone`. The realm of a test may lack it, as that of jsdom does: then it is that of the main
 * realm.
 */
export function platformClone<T>(value: T): T {
  clone ??=
    typeof structuredClone === "function"
      ? structuredClone
      : (process.getBuiltinModule("node:vm").runInThisContext("structuredClone") as Clone);
  return clone(value);
}

type Clone = <T>(value: T) => T;
let clone: Clone | undefined;
