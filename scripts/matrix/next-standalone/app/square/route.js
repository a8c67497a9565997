import { ThreadPool } from "allcores";
import { square } from "../../tasks.js";

export const dynamic = "force-dynamic";
let pool;

export async function GET() {
  pool ??= new ThreadPool({ workers: 1 });
  return Response.json({ value: await pool.submit(square, 3) });
}
