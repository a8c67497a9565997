import { type Future, isMain, Lock, Queue, select, task, ThreadPool } from "allcores";

export const square = task(__filename, "square", (n: number) => n * n);

async function main(): Promise<void> {
  const pool = new ThreadPool({ workers: 1, minWorkers: 1 });
  const future: Future<number> = pool.submit(square, 3);
  using held = new Lock().acquireSync();
  const first = await select({ word: new Queue<string>() });
  console.log(await future, held.ownerDied, first.key);
}

if (isMain(module)) void main();
