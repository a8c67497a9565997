import { Event, isMain, sleepSync, task, Thread } from "allcores";

// 模拟I/O密集型任务；turn 和 next 让同时启动的线程按编号依次报告开始
export const ioBoundTask = task(
  import.meta,
  function ioBoundTask(taskId: number, sleepTime: number, turn: Event, next: Event) {
    turn.waitSync();
    console.log(`任务 ${taskId} 开始，睡眠 ${sleepTime} 秒`);
    next.set();
    sleepSync(sleepTime * 1000);
    console.log(`任务 ${taskId} 完成`);
  },
);

if (isMain(import.meta)) {
  // 创建并启动多个线程
  const threads = [];
  const first = new Event();
  for (let i = 0, turn = first; i < 5; i++) {
    const next = new Event();
    const t = new Thread(ioBoundTask, { args: [i + 1, 2, turn, next] });
    threads.push(t);
    t.start();
    turn = next;
  }
  first.set();

  // 等待所有线程完成
  for (const t of threads) await t.join();

  console.log("所有I/O任务完成");
}
