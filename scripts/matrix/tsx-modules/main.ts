/** A path alias and a decorator in what a task's module imports. */
import { isMain, ProcessPool, Thread, ThreadPool } from "allcores";
import { decorators, square } from "./tasks.js";

if (isMain(import.meta)) {
  const results: unknown[] = [await Thread.start(square, 2).join()];
  for (const Pool of [ThreadPool, ProcessPool]) {
    const pool = new Pool({ workers: 1 });
    results.push(await pool.submit(square, 3));
    pool.close();
    await pool.join();
  }
  console.log(...results, await Thread.start(decorators).join());
}
