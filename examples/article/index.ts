/** Runs the article's programs one after the other, each in a program of its own. `npm start` compares the models. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { whyNoProcesses } from "./platform.js";

interface Program {
  title: string;
  file: string;
  across?: "threads" | "processes";
}

const programs: Program[] = [
  { title: "1. 多线程执行I/O密集型任务 / I/O-bound work in threads", file: "1-threads" },
  {
    title: "2. 用锁同步：acquire 和 release，线程 / A lock held by acquire and release, threads",
    file: "2-lock",
    across: "threads",
  },
  { title: "2. 同上，进程 / The same, processes", file: "2-lock", across: "processes" },
  { title: "3. 用 using 简化锁的使用，线程 / The lock held by using, threads", file: "3-using", across: "threads" },
  { title: "3. 同上，进程 / The same, processes", file: "3-using", across: "processes" },
  { title: "4. 进程池计算阶乘 / Factorials in a pool of processes", file: "4-process-pool", across: "processes" },
  { title: "5. 生产者和消费者进程 / A producer and a consumer process", file: "5-queue", across: "processes" },
  {
    title: "6. 共享内存中的计数器，进程 / A counter in shared memory, processes",
    file: "6-shared-memory",
    across: "processes",
  },
  { title: "6. 同上，线程 / The same, threads", file: "6-shared-memory", across: "threads" },
  {
    title: "6. 没有锁 / Without its lock",
    file: "6-without-lock",
    across: whyNoProcesses === undefined ? "processes" : "threads",
  },
  { title: "条件变量 / Condition", file: "condition" },
  { title: "信号量 / Semaphore", file: "semaphore" },
  { title: "管道 / Pipe", file: "pipe", across: "processes" },
  { title: "共享数组 / Array", file: "array", across: whyNoProcesses === undefined ? "processes" : "threads" },
];

const failed: string[] = [];
const started = performance.now();
for (const program of programs) {
  console.log(`\n=== ${program.title}`);
  if (program.across === "processes" && whyNoProcesses !== undefined) {
    console.log(`跳过 / skipped: ${whyNoProcesses}`);
    continue;
  }
  const end = await run(program);
  if (end !== 0) failed.push(`${program.file} ended with ${end}`);
}
console.log(`\n总耗时 / total: ${((performance.now() - started) / 1000).toFixed(1)} s`);
if (failed.length > 0) {
  console.error(failed.join("\n"));
  process.exitCode = 1;
}

function run({ file, across }: Program): Promise<number | NodeJS.Signals | null> {
  const path = fileURLToPath(new URL(`./${file}.js`, import.meta.url));
  const child = spawn(process.execPath, [path, ...(across ? [across] : [])], { stdio: "inherit" });
  return new Promise((resolve, reject) =>
    child.on("error", reject).on("close", (code, signal) => resolve(code ?? signal)),
  );
}
