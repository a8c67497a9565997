const { isMain, Lock, ProcessPool, task, Thread, ThreadPool } = require("allcores");

const square = task(module, "square", (n) => n * n);

async function main() {
  const results = [await Thread.start(square, 2).join()];
  for (const Pool of [ThreadPool, ProcessPool]) {
    const pool = new Pool({ workers: 1 });
    results.push(await pool.submit(square, 3));
    pool.close();
    await pool.join();
  }
  const imported = await import("allcores");
  console.log(results.join(" "), imported.Lock === Lock);
}

if (isMain(module)) main();
