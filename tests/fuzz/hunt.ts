/**
 * Runs cases in a process of its own, in a thread that is watched: endless loops, crashes and what nobody catches are
 * told with the seed of their case.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { isMainThread, Worker } from "node:worker_threads";
import { type Ends, type Faults, subjectOfCase } from "./fuzz-case.js";
import { timeLimit } from "../time-limit.js";

/** One case takes some milliseconds. */
const PATIENCE_MS = timeLimit(5000);

export interface Hunt {
  readonly cases: number;
  readonly seed: number;
  /** The subject of all of them, instead of each one's own. */
  readonly only?: string | undefined;
  /** Of a walk: each how manieth case. */
  readonly every?: number;
  /** Where the hunt lies, in another copy of the library. */
  readonly from?: string;
}

/**
 * How all operations ended. @throws with the seed of the case that did not come to its end, and of the first one with
 * each fault
 */
export async function hunt({
  cases,
  seed,
  only = "",
  every = 1,
  from = fileURLToPath(import.meta.url),
}: Hunt): Promise<Ends> {
  const child = spawn(
    process.execPath,
    ["--enable-source-maps", from, String(cases), String(seed), only, String(every)],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.on("close", (code, signal) => resolve([code, signal])),
  );
  if (code !== 0) throw new Error(`${cases} cases from seed ${seed} on: ended with ${signal ?? code}\n${out}${err}`);
  const { ends, faults } = JSON.parse(out) as { ends: Ends; faults: Faults };
  const told = Object.entries(faults).map(([what, first]) => `  seed ${first} (npm run fuzz -- 1 ${first}): ${what}`);
  if (told.length > 0)
    throw new Error(`${told.length} faults in ${cases} cases from seed ${seed} on:\n${told.join("\n")}`);
  return ends;
}

function watch(cases: number, seed: number, only: string | undefined, every: number): void {
  const progress = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(new URL("hunter.js", import.meta.url), {
    workerData: { cases, seed, progress, only: only || undefined, every },
  });
  const at = () => {
    const its = seed + progress[0]!;
    return `seed ${its}, ${only || subjectOfCase(its)}, operation ${progress[1]} (npm run fuzz -- 1 ${its} ${only ?? ""})`;
  };
  const fail = (what: string) => {
    console.error(`${what} at ${at()}`);
    process.exit(1);
  };
  let seen = "";
  setInterval(() => {
    const now = at();
    if (now === seen) fail("it goes on without end");
    seen = now;
  }, PATIENCE_MS).unref();
  worker.on("error", (error) => fail(error.stack ?? String(error)));
  worker.on("message", (ends) => console.log(JSON.stringify(ends)));
}

if (isMainThread && process.argv[1] === fileURLToPath(import.meta.url))
  watch(Number(process.argv[2]), Number(process.argv[3]), process.argv[4], Number(process.argv[5] ?? 1));
