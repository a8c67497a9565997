import { isMain, ThreadPool } from "allcores";
import fastify from "fastify";
import { square } from "./tasks.js";

if (isMain(import.meta)) {
  const pool = new ThreadPool({ workers: 1, minWorkers: 1 });
  const app = fastify();
  app.get("/square/:n", async (request) => ({ value: await pool.submit(square, Number(request.params.n)) }));
  await app.listen({ port: Number(process.env.PORT) });
}
