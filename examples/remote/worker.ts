// Serves the queue of one-word.ts: REDIS=redis://localhost:6379 node build/examples/remote/worker.js
import { serveRemote } from "allcores/remote";

const connection = process.env.REDIS ?? "redis://localhost:6379";
const server = await serveRemote({
  connection,
  queue: "one-word",
  allow: [new URL("./tasks.js", import.meta.url)],
  signals: true,
  port: Number(process.env.PORT ?? 9100),
});
console.log(`serving as ${server.name}; http://127.0.0.1:${server.port}/metrics`);
