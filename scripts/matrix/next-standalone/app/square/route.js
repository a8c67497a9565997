import { ProcessPool, ThreadPool } from "allcores";
import { square } from "../../tasks.js";

export const dynamic = "force-dynamic";
let threads;
let processes;

export async function GET() {
  threads ??= new ThreadPool({ workers: 1 });
  processes ??= new ProcessPool({ workers: 1 });
  return Response.json({ thread: await threads.submit(square, 3), process: await processes.submit(square, 4) });
}
