import { ThreadPool } from "allcores";
import { square } from "./tasks.js";

let pool;

export async function page(n) {
  pool ??= new ThreadPool({ workers: 1 });
  return String(await pool.submit(square, n));
}
