import { isMain, ThreadPool } from "allcores";
import express from "express";
import { square } from "./tasks.js";

if (isMain(import.meta)) {
  const pool = new ThreadPool({ workers: 1, minWorkers: 1 });
  const app = express();
  app.get("/square/:n", async (request, response) =>
    response.json({ value: await pool.submit(square, Number(request.params.n)) }),
  );
  app.listen(process.env.PORT);
}
