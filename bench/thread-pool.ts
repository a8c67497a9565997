/** ThreadPool: a large buffer moved there and back, and what an idle worker takes. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { isMain, ThreadPool, transfer } from "allcores";
import { alternate, atMost, compared, report } from "./measure.js";
import { handBack } from "./workers/identity.js";

const BYTES = 16 << 20;
const ROUNDS = 500;
const TURNS = 11;
const MEMORY_TURNS = 5;

async function moved(): Promise<() => Promise<number>> {
  const pool = new ThreadPool({ workers: 1 });
  let buffer = await pool.submit(handBack, transfer(new ArrayBuffer(BYTES)));
  return async () => {
    const start = performance.now();
    for (let round = 0; round < ROUNDS; round++) buffer = await pool.submit(handBack, transfer(buffer));
    if (buffer.byteLength !== BYTES) throw new Error("the buffer did not come back");
    return ((performance.now() - start) * 1e3) / ROUNDS;
  };
}

function movedBare(): () => Promise<number> {
  const worker = new Worker(new URL("./rivals/echo-worker.js", import.meta.url));
  worker.unref();
  let buffer = new ArrayBuffer(BYTES);
  return async () => {
    const start = performance.now();
    for (let round = 0; round < ROUNDS; round++) {
      const answer = new Promise<ArrayBuffer>((resolve) => worker.once("message", resolve));
      worker.postMessage(buffer, [buffer]);
      buffer = await answer;
    }
    return ((performance.now() - start) * 1e3) / ROUNDS;
  };
}

const idle = (kind: string) => () =>
  Number(execFileSync(process.execPath, [fileURLToPath(new URL("./workers/idle-memory.js", import.meta.url)), kind], { encoding: "utf8" }));

if (isMain(import.meta)) {
  report([
    compared("16 MB moved there and back", "µs", await alternate(TURNS, await moved(), movedBare(), 2), "postMessage with transfer", atMost(1)),
    compared("memory of an idle worker", "MB", await alternate(MEMORY_TURNS, idle("threads"), idle("bare-threads"), 0), "bare Worker", atMost(1.1)),
  ]);
  process.exit();
}
