/** What each bundler makes one file of: a thread, a pool of threads and a pool of processes. */
import { isMain, ProcessPool, Thread, ThreadPool } from "allcores";
import { square } from "./tasks.js";

async function main() {
  const results = [await Thread.start(square, 2).join()];
  for (const Pool of [ThreadPool, ProcessPool]) {
    const pool = new Pool({ workers: 1 });
    results.push(await pool.submit(square, 3));
    pool.close();
    await pool.join();
  }
  console.log(results.join(" "));
}

if (isMain(import.meta)) void main();
