import { Condition, isMain, task, Thread, Value } from "allcores";

// 面包师：货架空了才烤下一个
export const baker = task(import.meta, function baker(shelf: Condition, bread: Value<number>, count: number) {
  for (let i = 1; i <= count; i++) {
    using _ = shelf.acquireSync();
    // 等待时自动放开锁，被唤醒后重新取得锁，再检查一次条件
    shelf.waitForSync(() => bread.value === 0);
    bread.value += 1;
    console.log(`面包师: 第 ${i} 个面包上架`);
    shelf.notify();
  }
});

// 顾客：货架上有面包才买
export const customer = task(import.meta, function customer(shelf: Condition, bread: Value<number>, count: number) {
  for (let i = 1; i <= count; i++) {
    using _ = shelf.acquireSync();
    shelf.waitForSync(() => bread.value > 0);
    bread.value -= 1;
    console.log(`顾客: 买走第 ${i} 个面包`);
    shelf.notify();
  }
});

if (isMain(import.meta)) {
  const shelf = new Condition();
  const bread = new Value("int32", 0);

  const threads = [Thread.start(customer, shelf, bread, 3), Thread.start(baker, shelf, bread, 3)];
  for (const t of threads) await t.join();

  console.log("面包卖完了");
}
