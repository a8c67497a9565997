import { isMain, Lock, Queue, task, ThreadPool, Value, select, type Future } from "allcores";
import { explore } from "allcores/testing";

export const square = task(import.meta, "square", (n: number) => n * n);
if (isMain(import.meta)) {
  await using pool = new ThreadPool({ workers: 1, minWorkers: 1 });
  const future: Future<number> = pool.submit(square, 3);
  using held = new Lock().acquireSync();
  const queue = new Queue<string>();
  queue.putSync("a");
  const first = await select({ word: queue });
  console.log(await future, held.ownerDied, first.key, new Value("int32", 1).value, typeof explore);
}
