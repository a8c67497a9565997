#!/usr/bin/env node
import { isMain, ThreadPool } from "allcores";
import { square } from "./tasks.js";

if (isMain(import.meta)) {
  const pool = new ThreadPool();
  console.log((await pool.map(square, process.argv.slice(2).map(Number))).join(" "));
  pool.close();
  await pool.join();
}
