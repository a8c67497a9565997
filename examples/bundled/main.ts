/**
 * A program made of two bundles. `esbuild main.ts worker.ts --bundle --platform=node --format=esm --outdir=out
 * --external:koffi`
 */
import { Worker } from "node:worker_threads";
import { isMain, ProcessPool, ThreadPool } from "allcores";
import { greet } from "./tasks.js";

if (isMain(import.meta)) {
  const worker = new URL("./worker.js", import.meta.url);
  await using threads = new ThreadPool({
    workers: 2,
    name: "Thread",
    worker: (options) => new Worker(worker, options),
  });
  console.log(await threads.submit(greet, "you"));
  await using processes = new ProcessPool({ workers: 2, name: "Process", worker });
  console.log(await processes.map(greet, ["one", "two"], { chunkSize: 2 }));
}
