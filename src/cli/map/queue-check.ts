import { connect } from "node:net";
import { RemoteQueue } from "../../remote/index.js";
import { clearRealTimeout, setRealTimeout } from "../../memory/clock.js";
import { CommandFailure, firstLine } from "../command-failure.js";
import { EXIT } from "../exit-code.js";
import type { Report } from "../report.js";

/** A pool waits for its server for ever; somebody at a terminal would not know why. */
const PATIENCE_MS = 30_000;
const REDIS_PORT = 6379;

/** Says beforehand what would keep a map waiting. @throws CommandFailure where the server cannot be used */
export async function checkQueue(redis: string, queue: string, report: Report): Promise<void> {
  await checkAddress(redis);
  const asked = new RemoteQueue({ connection: redis, queue });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setRealTimeout(
      () => reject(new CommandFailure(EXIT.server, `the server ${hostOf(redis)} does not answer`)),
      PATIENCE_MS,
    );
  });
  try {
    const workers = await Promise.race([asked.workers(), late]);
    if (workers.length === 0)
      report.note(
        `nobody serves the queue ${queue} yet: start allcores worker --queue ${queue} there, with this module under --allow`,
      );
  } catch (error) {
    throw error instanceof CommandFailure
      ? error
      : new CommandFailure(EXIT.server, `the queue ${queue} cannot be used: ${firstLine(error)}`);
  } finally {
    clearRealTimeout(timer);
    void asked.close().catch(() => {});
  }
}

/** An address where nobody listens is told at once. @throws CommandFailure */
async function checkAddress(redis: string): Promise<void> {
  if (!/^rediss?:\/\//.test(redis) || !URL.canParse(redis)) return;
  const { hostname, port } = new URL(redis);
  const socket = connect(port === "" ? REDIS_PORT : Number(port), hostname.replace(/^\[|\]$/g, "") || "localhost");
  await new Promise<void>((resolve, reject) => {
    // One that is only slow is waited for below.
    const timer = setRealTimeout(resolve, PATIENCE_MS);
    socket.once("connect", resolve);
    socket.once("error", (error) =>
      reject(new CommandFailure(EXIT.server, `the server ${hostOf(redis)} cannot be reached: ${firstLine(error)}`)),
    );
    socket.once("close", () => clearRealTimeout(timer));
  }).finally(() => socket.destroy());
}

/** Without a user's name and password. */
function hostOf(url: string): string {
  return (URL.canParse(url) && new URL(url).host) || url.replace(/^.*@/, "");
}
