import { currentWorker, isMain, ProcessPool, task } from "allcores";
import { factorial, isFactorial } from "./factorial.js";

// CPU密集型任务
export const computeFactorial = task(import.meta, function computeFactorial(n: number) {
  console.log(`进程 ${currentWorker().name} 开始计算 ${n} 的阶乘`);
  const result = factorial(n);
  console.log(`进程 ${currentWorker().name} 完成计算 ${n} 的阶乘`);
  return result;
});

if (isMain(import.meta)) {
  const numbers = [100000, 200000, 300000, 400000, 500000];
  const startTime = performance.now();

  // 创建进程池
  let results: bigint[];
  {
    await using pool = new ProcessPool({ workers: 4 });
    results = await pool.map(computeFactorial, numbers);
  }

  const endTime = performance.now();
  console.log(`所有任务完成，总耗时: ${((endTime - startTime) / 1000).toFixed(2)} 秒`);

  // 结果按输入的顺序返回
  for (const [i, n] of numbers.entries()) if (!isFactorial(n, results[i]!)) throw new Error(`${n} 的阶乘不正确`);
}
