/** I/O-bound: real HTTP requests to a server that takes its time. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { Agent, get } from "node:http";
import { fileURLToPath } from "node:url";
import { type Lock, task } from "allcores";
import type { Job } from "./job.js";

const REQUESTS = 40;
const WORKERS = 10;
const agent = new Agent({ keepAlive: true });

export const request = task(import.meta, async function request(url: string) {
  return idOf(await send(url));
});

export const requestUnderGlobalLock = task(import.meta, async function requestUnderGlobalLock(gil: Lock, url: string) {
  let answer: Promise<string>;
  {
    using _ = gil.acquireSync();
    answer = send(url);
  }
  const text = await answer;
  using _ = gil.acquireSync();
  return idOf(text);
});

function send(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => (text += chunk));
      response.on("end", () => resolve(text));
      response.on("error", reject);
    }).on("error", reject);
  });
}

function idOf(text: string): number {
  return (JSON.parse(text) as { id: number }).id;
}

export async function startServer(): Promise<{ origin: string; server: ChildProcess }> {
  const server = fork(fileURLToPath(new URL("./server.js", import.meta.url)));
  const [port] = await once(server, "message");
  return { origin: `http://127.0.0.1:${port}`, server };
}

export function requests(origin: string): Job<number> {
  const urls = Array.from({ length: REQUESTS }, (_, id) => `${origin}/${id}`);
  return {
    title: `${REQUESTS} 个HTTP请求，每个 200 毫秒，${WORKERS} 个线程或进程 / ${REQUESTS} HTTP requests of 200 ms, ${WORKERS} workers (I/O-bound)`,
    workers: WORKERS,
    async serially() {
      const ids = [];
      for (const url of urls) ids.push(await request(url));
      return ids;
    },
    asynchronously: () => Promise.all(urls.map(request)),
    inPool: (pool) => pool.map(request, urls),
    underGlobalLock: (pool, gil) => pool.map(requestUnderGlobalLock.partial(gil), urls),
    check(ids) {
      if (ids.length !== REQUESTS || ids.some((id, i) => id !== i)) throw new Error(`answers out of order: ${ids}`);
    },
  };
}
