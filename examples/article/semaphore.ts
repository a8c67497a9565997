import { isMain, Semaphore, sleepSync, task, Thread, Value } from "allcores";

// 六辆车，两个车位：信号量计数为零时，后来的车等待
export const park = task(import.meta, function park(car: number, spaces: Semaphore, parked: Value<number>) {
  using _ = spaces.acquireSync();
  const now = parked.add(1);
  console.log(`汽车 ${car} 停好，场内 ${now} 辆`);
  sleepSync(100);
  parked.sub(1);
  return now;
});

if (isMain(import.meta)) {
  const spaces = new Semaphore(2);
  const parked = new Value("int32", 0);

  const threads = [];
  for (let car = 1; car <= 6; car++) threads.push(Thread.start(park, car, spaces, parked));

  // join() 返回任务的结果
  const counts = [];
  for (const t of threads) counts.push(await t.join());

  console.log(`同时停放最多 ${Math.max(...counts)} 辆`);
}
