// One program for every model; the word on its command line says which.
//   node build/examples/remote/one-word.js thread
//   REDIS=redis://localhost:6379 node build/examples/remote/one-word.js remote
import { createPool, isMain, type Pool } from "allcores";
import { digits } from "./tasks.js";

function poolOf(model: string): Pool {
  if (model === "remote")
    return createPool(model, { connection: process.env.REDIS ?? "redis://localhost:6379", queue: "one-word" });
  return createPool(model as "async" | "thread" | "process", { workers: 2 });
}

if (isMain(import.meta)) {
  await using pool = poolOf(process.argv[2] ?? "thread");
  const counts = await pool.map(digits, [100, 200, 300]);
  console.log(counts.join(" "));
  console.log(await pool.submit(digits, 1000));
}
