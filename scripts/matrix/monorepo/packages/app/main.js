import { square } from "@matrix/tasks";
import { isMain, ThreadPool } from "allcores";

if (isMain(import.meta)) {
  const pool = new ThreadPool({ workers: 1 });
  console.log(await pool.submit(square, 3));
  pool.close();
}
