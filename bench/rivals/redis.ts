/** A Redis server of its own for a benchmark, reached through a unix socket, and the client `redis` (node-redis). */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "redis";

/** How to get it where it is missing. */
export const howToGetRedis = "no redis-server here: apt-get install redis-server";

export interface Redis {
  readonly client: ReturnType<typeof clientAt>;
  stop(): Promise<void>;
}

const clientAt = (path: string) => createClient({ socket: { path, tls: false } });

/** Starts a server that keeps everything in memory; undefined where there is none. */
export async function startRedis(): Promise<Redis | undefined> {
  if (spawnSync("redis-server", ["--version"]).status !== 0) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "allcores-redis-"));
  const path = join(folder, "redis.sock");
  const options = ["--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no", "--dir", folder];
  const server = spawn("redis-server", options, { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  process.once("exit", () => server.kill("SIGKILL"));
  while (!existsSync(path)) {
    if (server.exitCode !== null) throw new Error(`redis-server ended with exit code ${server.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const client = clientAt(path);
  await client.connect();
  return {
    client,
    async stop() {
      await client.close();
      server.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
