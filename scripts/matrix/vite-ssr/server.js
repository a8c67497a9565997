import { createServer } from "node:http";
import { page } from "./page.js";

createServer(async ({ url }, response) => response.end(await page(Number(url.split("/").at(-1))))).listen(
  process.env.PORT,
);
