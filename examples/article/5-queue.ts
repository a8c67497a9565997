import { isMain, Process, Queue, sleepSync, task } from "allcores";

export const producer = task(import.meta, function producer(queue: Queue<string | null>, items: string[]) {
  for (const item of items) {
    console.log(`生产者生产: ${item}`);
    queue.putSync(item);
    sleepSync(1000);
  }
  queue.putSync(null); // 发送结束信号
});

export const consumer = task(import.meta, function consumer(queue: Queue<string | null>) {
  while (true) {
    const item = queue.getSync();
    if (item === null) break;
    console.log(`消费者消费: ${item}`);
  }
  console.log("消费者结束");
});

if (isMain(import.meta)) {
  const q = new Queue<string | null>({ across: "processes" });
  const itemsToProduce = ["苹果", "香蕉", "橙子", "葡萄"];

  const p = new Process(producer, { args: [q, itemsToProduce] });
  const c = new Process(consumer, { args: [q] });

  p.start();
  c.start();

  await p.join();
  await c.join();
}
