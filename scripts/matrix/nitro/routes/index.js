import { ProcessPool, ThreadPool } from "allcores";
import { square } from "../tasks.js";

const threads = new ThreadPool({ workers: 1 });
const processes = new ProcessPool({ workers: 1 });

export default defineEventHandler(async () => ({
  thread: await threads.submit(square, 3),
  process: await processes.submit(square, 4),
}));
