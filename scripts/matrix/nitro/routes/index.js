import { ThreadPool } from "allcores";
import { square } from "../tasks.js";

const pool = new ThreadPool({ workers: 1 });

export default defineEventHandler(async () => ({ value: await pool.submit(square, 3) }));
