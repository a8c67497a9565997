/** The same three jobs run serially, async, in an async pool, by threads, by processes, and by threads behind one global lock: the GIL rebuilt. */
import { cpus } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { cpuCount, isMain } from "allcores";
import { type Costs, costsOf } from "./compare/costs.js";
import { factorials } from "./compare/factorials.js";
import { hashes } from "./compare/hashes.js";
import type { Job } from "./compare/job.js";
import { type Measured, measure, type Model, MODELS } from "./compare/measure.js";
import { requests, startServer } from "./compare/requests.js";
import { table } from "./compare/table.js";
import { whyNoProcesses } from "./platform.js";

type Results = Partial<Record<Model, Measured>>;

if (isMain(import.meta)) {
  const cores = cpuCount();
  const { origin, server } = await startServer();
  const overHttp = requests(origin);
  const ofFiles = hashes();

  console.log(`${cores} 个核心；每项一次，时间包括启动和结束线程或进程 / ${cores} cores; one run each, times include starting and ending the workers`);
  const busy = await busyShare();
  if (busy > 0.25)
    console.log(`机器正忙 (${percent(busy)})，数字会有偏差 / other programs keep this machine busy (${percent(busy)}), so the figures are rough`);
  if (whyNoProcesses !== undefined) console.log(`没有进程 / no processes: ${whyNoProcesses}`);
  const io = await run(overHttp);
  server.disconnect();
  const big = await run(factorials);
  const files = await run(ofFiles);
  const thread = await costsOf("threads");
  const child = whyNoProcesses === undefined ? await costsOf("processes") : undefined;

  report(overHttp, io, [
    `Waiting needs no core, so async fits: ${speedUp(io, "async")}, and nothing to start.`,
    `All at once is more than a server may like: the async pool has ${overHttp.workers} under way, ${speedUp(io, "asyncPool")}, and is the same call of map as the other pools.`,
    `${overHttp.workers} threads wait for ${overHttp.workers} answers at a time: ${speedUp(io, "threads")}. Processes can gain no more and cost more: ${speedUp(io, "processes")}.`,
    `The global lock takes nothing away: ${speedUp(io, "gil")}. A thread that waits has given it back.`,
    "等待不占用核心，所以异步最合适；线程等待时已经放开全局锁，因此有没有锁都一样。",
  ]);
  report(factorials, big, [
    `Computing needs cores, so threads fit: ${speedUp(big, "threads")}, and the main loop never stood still for longer than ${milliseconds(big.threads?.longestStall)}.`,
    `Processes compute as fast but start slower: ${speedUp(big, "processes")}. Serial and async held the loop for ${milliseconds(big.serial?.longestStall)} and ${milliseconds(big.async?.longestStall)}.`,
    `Behind the global lock one thread computes at a time, as in CPython: ${speedUp(big, "gil")}, and a main loop that stays free.`,
    "计算占用核心，所以线程最合适，需要隔离时用进程；加上全局锁，同一时刻只有一个线程在计算，多线程不再提速，只是主循环仍能响应。",
  ]);
  report(ofFiles, files, [
    `Threads fit again: ${speedUp(files, "threads")}, processes ${speedUp(files, "processes")}. Only paths and hashes travel; each worker reads its files itself.`,
    `Async overlaps no more than the reading: ${speedUp(files, "async")}. So do threads behind the global lock: ${speedUp(files, "gil")}.`,
    `node:crypto does all of it on one core in ${seconds(ofFiles.millisecondsByCrypto)}: look for a faster library before more cores.`,
    "只传递路径和哈希值，文件由各个线程自己读取；异步和全局锁只能让读取与计算重叠。先找更快的库，再加核心。",
  ]);
  reportCosts(thread, child);
}

async function run<R>(job: Job<R>): Promise<Results> {
  const results: Results = {};
  for (const model of Object.keys(MODELS) as Model[]) if (model !== "processes" || whyNoProcesses === undefined) results[model] = await measure(job, model);
  return results;
}

/** How much of the processors' time others take while this program waits. */
async function busyShare(): Promise<number> {
  const sum = () =>
    cpus().reduce(({ idle, all }, { times }) => ({ idle: idle + times.idle, all: all + Object.values(times).reduce((a, b) => a + b) }), { idle: 0, all: 0 });
  const before = sum();
  await wait(300);
  const after = sum();
  return after.all > before.all ? 1 - (after.idle - before.idle) / (after.all - before.all) : 0;
}

function report(job: { title: string }, results: Results, sentences: string[]): void {
  const rows = [["模型 model", "时间 time", "加速 speed-up", "主循环停顿 loop stood still p99", "最长 longest"]];
  for (const [model, measured] of Object.entries(results) as [Model, Measured][])
    rows.push([MODELS[model], time(measured), speedUp(results, model), milliseconds(measured.stall), milliseconds(measured.longestStall)]);
  console.log(`\n--- ${job.title}\n${table(rows)}\n${sentences.join("\n")}`);
}

function reportCosts(thread: Costs, child: Costs | undefined): void {
  const rows = [["代价 cost", "启动 start", "内存 memory", "16 MiB 往返 there and back"]];
  rows.push([MODELS.threads, milliseconds(thread.start), megabytes(thread.memory), milliseconds(thread.roundTrip)]);
  if (child) rows.push([MODELS.processes, milliseconds(child.start), megabytes(child.memory), milliseconds(child.roundTrip)]);
  console.log(`\n--- 每个工作线程或进程的代价 / What each worker costs\n${table(rows)}`);
  console.log("A process counts its own Node.js, whose code it shares with the others; a thread counts what the program grew by.");
  console.log(
    "Isolation: a native crash in a thread ends the program, in a process only its task. Data is copied either way, unless it lies in shared memory.",
  );
  console.log("隔离：线程崩溃会带走整个程序，进程崩溃只丢掉手中的任务。数据要复制，除非放在共享内存里。");
}

function time(measured: Measured | undefined): string {
  return measured ? seconds(measured.time) : "–";
}

function speedUp(results: Results, model: Model): string {
  const measured = results[model];
  return measured ? `${(results.serial!.time / measured.time).toFixed(1)}x` : "–";
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function milliseconds(ms: number | undefined): string {
  return ms === undefined ? "–" : `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
