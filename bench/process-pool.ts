/** ProcessPool: a large buffer there and back, the article's factorials, and what an idle worker takes. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { isMain, ProcessPool } from "allcores";
import { alternate, atMost, besidePython, compared, faster, report } from "./measure.js";
import { factorial } from "./workers/factorial.js";
import { identity } from "./workers/identity.js";

const BYTES = 16 << 20;
const ROUNDS = 5;
const TURNS = 7;
const NUMBERS = [100_000, 200_000, 300_000, 400_000, 500_000];
const FACTORIAL_TURNS = 3;
const MEMORY_TURNS = 5;

async function thereAndBack(pool: ProcessPool): Promise<number> {
  const data = Buffer.alloc(BYTES);
  const start = performance.now();
  for (let round = 0; round < ROUNDS; round++)
    if ((await pool.submit(identity<Buffer>, data)).length !== BYTES) throw new Error("the buffer did not come back whole");
  return (performance.now() - start) / ROUNDS;
}

/** From opening the pool to leaving it, as the article measures. */
async function factorials(): Promise<number> {
  const start = performance.now();
  {
    await using pool = new ProcessPool({ workers: 4 });
    const results = await pool.map(factorial, NUMBERS);
    if (results.some((result) => typeof result !== "bigint")) throw new Error("a factorial did not come back as a BigInt");
  }
  return (performance.now() - start) / 1e3;
}

const idle = (kind: string) => () =>
  Number(execFileSync(process.execPath, [fileURLToPath(new URL("./workers/idle-memory.js", import.meta.url)), kind], { encoding: "utf8" }));

if (isMain(import.meta)) {
  const pool = new ProcessPool({ workers: 1 });
  report([
    await besidePython("16 MB there and back", "ms", TURNS, () => thereAndBack(pool), "multiprocessing_pool", "multiprocessing.Pool", faster(3), 1e3),
    await besidePython("the article's factorials, 4 workers", "s", FACTORIAL_TURNS, factorials, "factorials", "multiprocessing.Pool", faster(3)),
    compared("memory of an idle worker", "MB", await alternate(MEMORY_TURNS, idle("processes"), idle("bare-processes"), 0), "bare fork", atMost(1.1)),
  ]);
  process.exit();
}
