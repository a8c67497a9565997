import { isMain, Process, SharedArray, task, Thread } from "allcores";

// 子进程把每个元素变成它的平方
export const squareAll = task(import.meta, function squareAll(numbers: SharedArray<number>) {
  using _ = numbers.lock.acquireSync();
  for (let i = 0; i < numbers.length; i++) numbers.set(i, numbers.at(i)! ** 2);
});

if (isMain(import.meta)) {
  // 默认使用进程；命令行参数 threads 改用线程
  const across = process.argv[2] === "threads" ? "threads" : "processes";
  // 在共享内存中创建数组
  const numbers = new SharedArray("int32", [1, 2, 3, 4, 5], { across });
  console.log(`之前: ${[...numbers].join(" ")}`);

  const worker = across === "processes" ? Process.start(squareAll, numbers) : Thread.start(squareAll, numbers);
  await worker.join();

  console.log(`之后: ${[...numbers].join(" ")}`);
}
