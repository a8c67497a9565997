import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { QueueCounts } from "./engine.js";

/** What a worker tells over HTTP. */
interface StatusSource {
  isReady(): boolean;
  counts(): Promise<QueueCounts>;
  own(): Readonly<Record<string, number>>;
}

export interface StatusServer {
  readonly port: number;
  close(): Promise<void>;
}

/** `/health`: this program's loop turns. `/ready`: it takes tasks. `/metrics`: counts in Prometheus' text form. */
export async function serveStatus(port: number, host: string, source: StatusSource): Promise<StatusServer> {
  const server = createServer((request, response) => {
    const answer = (status: number, text: string, type = "text/plain; charset=utf-8") =>
      response.writeHead(status, { "content-type": type }).end(text);
    const path = request.url?.split("?")[0];
    if (request.method !== "GET" && request.method !== "HEAD") answer(405, "GET only\n");
    else if (path === "/health") answer(200, "ok\n");
    else if (path === "/ready") answer(source.isReady() ? 200 : 503, source.isReady() ? "ready\n" : "not ready\n");
    else if (path === "/metrics")
      void metrics(source).then(
        (text) => answer(200, text, "text/plain; version=0.0.4"),
        () => answer(503, "the server of the queue cannot be reached\n"),
      );
    else answer(404, "/health, /ready and /metrics are here\n");
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A scaler adds what waits, what waits by priority, and what is delayed. */
async function metrics(source: StatusSource): Promise<string> {
  const queue = Object.entries(await source.counts()).map(
    ([state, count]) => `allcores_queue_tasks{state="${state}"} ${count}`,
  );
  const own = Object.entries(source.own()).map(
    ([state, count]) =>
      `allcores_worker_tasks{state="${state.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}"} ${count}`,
  );
  return [
    "# HELP allcores_queue_tasks Tasks of the queue by state.",
    "# TYPE allcores_queue_tasks gauge",
    ...queue,
    "# HELP allcores_worker_tasks Tasks of this worker by what became of them.",
    "# TYPE allcores_worker_tasks gauge",
    ...own,
    "",
  ].join("\n");
}
