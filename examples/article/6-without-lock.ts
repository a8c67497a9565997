import { Barrier, isMain, Process, task, Thread, Value } from "allcores";

// 没有锁：两个进程可能读到同一个旧值，其中一个的加一就丢失了
export const incrementCounter = task(import.meta, function incrementCounter(counter: Value<number>, start: Barrier) {
  // 等所有进程就绪后一起开始，否则循环太快，先启动的已经结束了
  start.waitSync();
  for (let i = 0; i < 100_000; i++) counter.value += 1;
});

if (isMain(import.meta)) {
  // 默认使用进程；命令行参数 threads 改用线程
  const across = process.argv[2] === "threads" ? "threads" : "processes";
  const counter = new Value("int32", 0, { across });
  const start = new Barrier(10, { across });

  const workers = [];
  for (let i = 0; i < 10; i++) {
    const worker =
      across === "processes"
        ? new Process(incrementCounter, { args: [counter, start] })
        : new Thread(incrementCounter, { args: [counter, start] });
    workers.push(worker);
    worker.start();
  }
  for (const worker of workers) await worker.join();

  console.log(`最终计数器的值: ${counter.value}，丢失了 ${1_000_000 - counter.value} 次更新`);
}
