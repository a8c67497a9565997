/**
 * A program of its own: counts the atomic operations of a pool's side, for each task, with so many threads that are
 * all there, and prints them as JSON. They depend on who is faster, so they differ a little from run to run.
 */
import { operationsSoFar } from "./counted-platform.js";
import { Barrier, isMain, ThreadPool } from "allcores";
import { identity } from "../workers/identity.js";
import { waitFor } from "../workers/wait-for.js";

export interface PoolCounts {
  readonly workers: number;
  /** Of one call after the other, each from a pool at rest. */
  readonly call: number;
  /** Of calls that are all made at once. */
  readonly crowd: number;
  /** Of an item of a map. */
  readonly item: number;
}

const CALLS = 300;
const CROWD = 5000;
const ITEMS = 20_000;

async function count(tasks: number, body: () => Promise<unknown>): Promise<number> {
  const before = operationsSoFar();
  await body();
  return (operationsSoFar() - before) / tasks;
}

async function countPool(workers: number): Promise<PoolCounts> {
  await using pool = new ThreadPool({ workers });
  const gate = new Barrier(workers);
  await Promise.all(Array.from({ length: workers }, () => pool.submit(waitFor, gate)));
  const oneByOne = async (): Promise<void> => {
    for (let call = 0; call < CALLS; call++) await pool.submit(identity, call);
  };
  const together = (): Promise<unknown> =>
    Promise.all(Array.from({ length: CROWD }, (_, call) => pool.submit(identity, call)));
  const items = Array.from({ length: ITEMS }, (_, item) => item);
  gate.free();
  await oneByOne();
  await together();
  return {
    workers,
    call: await count(CALLS, oneByOne),
    crowd: await count(CROWD, together),
    item: await count(ITEMS, async () => {
      for await (const _ of pool.map(identity, items));
    }),
  };
}

if (isMain(import.meta)) console.log(JSON.stringify(await countPool(Number(process.argv[2]))));
