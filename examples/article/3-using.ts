import { isMain, Lock, Process, task, Thread, Value } from "allcores";

// 线程和进程都不共享 JavaScript 的全局变量，所以计数器和锁作为参数传入
export const incrementCounter = task(import.meta, function incrementCounter(counter: Value<number>, lock: Lock) {
  for (let i = 0; i < 100_000; i++) {
    // 相当于 Python 的 with lock：离开花括号时自动释放锁，出错时也一样
    using _ = lock.acquireSync();
    counter.value += 1;
  }
});

if (isMain(import.meta)) {
  // 默认使用线程；命令行参数 processes 改用进程
  const across = process.argv[2] === "processes" ? "processes" : "threads";
  // 共享资源
  const counter = new Value("int32", 0, { across });
  // 创建锁
  const lock = new Lock({ across });

  // 创建多个线程（或进程）
  const workers = [];
  for (let i = 0; i < 10; i++) {
    const worker =
      across === "processes"
        ? new Process(incrementCounter, { args: [counter, lock] })
        : new Thread(incrementCounter, { args: [counter, lock] });
    workers.push(worker);
    worker.start();
  }

  // 等待所有线程（或进程）完成
  for (const worker of workers) await worker.join();

  console.log(`最终计数器的值: ${counter.value}`);
}
