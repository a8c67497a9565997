import { isMain, Process, task, Thread, Value } from "allcores";

// counter 位于共享内存；每个 Value 自带一把锁
export const incrementCounter = task(import.meta, function incrementCounter(counter: Value<number>) {
  for (let i = 0; i < 100_000; i++) {
    using _ = counter.lock.acquireSync();
    counter.value += 1;
  }
});

if (isMain(import.meta)) {
  // 默认使用进程；命令行参数 threads 改用线程
  const across = process.argv[2] === "threads" ? "threads" : "processes";
  // 在共享内存中创建计数器
  const counter = new Value("int32", 0, { across });

  // 创建多个进程（或线程）
  const workers = [];
  for (let i = 0; i < 10; i++) {
    const worker =
      across === "processes"
        ? new Process(incrementCounter, { args: [counter] })
        : new Thread(incrementCounter, { args: [counter] });
    workers.push(worker);
    worker.start();
  }

  // 等待所有进程（或线程）完成
  for (const worker of workers) await worker.join();

  console.log(`最终计数器的值: ${counter.value}`);
}
