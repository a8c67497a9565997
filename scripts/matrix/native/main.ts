/** TypeScript that Node runs itself. */
import { isMain, ProcessPool, Thread, ThreadPool } from "allcores";
import { square } from "./tasks.ts";

if (isMain(import.meta)) {
  const results = [await Thread.start(square, 2).join()];
  for (const Pool of [ThreadPool, ProcessPool]) {
    await using pool = new Pool({ workers: 1 });
    results.push(await pool.submit(square, 3));
  }
  console.log(...results);
}
