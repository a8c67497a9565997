import { test, type TestContext, type TestOptions } from "node:test";
import { isInTurn, numberOf } from "../form.js";
import type { PoolKind } from "./pool.contract.js";

type Body = (context: TestContext) => void | Promise<void>;
type Register = {
  (name: string, body: Body): void;
  (name: string, options: TestOptions, body: Body): void;
};

/** What a contract says a case with: as `test` of node:test, and `skip` for what a kind of pool lacks. */
export type Case = Register & { readonly skip: Register };

/**
 * The cases of a contract as a kind of pool runs them. In the short form each runs in threads or in processes, by turns, and every third over the socket too; an AsyncPool,
 * which starts no worker, runs all. In the whole form each kind runs all.
 */
export function casesOf({ model, isShareless = false }: Pick<PoolKind, "model" | "isShareless">): Case {
  const [place, places] = model === "async" ? [0, 1] : isShareless ? [0, 3] : [model === "thread" ? 0 : 1, 2];
  const inTurn = (register: typeof test.skip): Register => {
    return (name: string, options: TestOptions | Body, body?: Body) => {
      if (!isInTurn(numberOf(name), place, places)) return;
      if (typeof options === "function") void register(name, options);
      else void register(name, options, body);
    };
  };
  return Object.assign(inTurn(test), { skip: inTurn(test.skip) });
}
