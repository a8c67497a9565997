import { type Connection, createPipe, isMain, Process, task } from "allcores";

// 文章提到的管道：一端在父进程，一端在子进程，双向通信
export const square = task(import.meta, function square(connection: Connection<number>) {
  // 父进程关闭它的一端后，循环结束
  for (const n of connection) {
    console.log(`子进程收到: ${n}`);
    connection.sendSync(n * n);
  }
  console.log("子进程结束");
});

if (isMain(import.meta)) {
  const [parent, child] = createPipe<number>({ across: "processes" });
  const p = Process.start(square, child); // 这一端从此属于子进程

  for (const n of [1, 2, 3]) {
    parent.sendSync(n);
    console.log(`父进程收到: ${parent.recvSync()}`);
  }
  parent.close();

  await p.join();
  console.log("所有消息处理完成");
}
