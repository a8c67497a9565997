// Starts a server on a port that is free, asks it for a page, prints the answer, and ends it:
//   node ask.mjs /page COMMAND...
// What the server has started itself is of the same group, which whoever started this one ends.
import { spawn } from "node:child_process";
import { createServer } from "node:net";

const [path, command, ...args] = process.argv.slice(2);
const port = await new Promise((resolve) => {
  const server = createServer().listen(0, () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});
const server = spawn(command, args, {
  env: { ...process.env, PORT: String(port), HOSTNAME: "127.0.0.1" },
  stdio: ["ignore", "pipe", "pipe"],
});
let said = "";
let hasEnded = false;
for (const stream of [server.stdout, server.stderr]) stream.on("data", (chunk) => (said += chunk));
server.on("exit", () => (hasEnded = true));
try {
  console.log((await answer()).trim());
} finally {
  if (!hasEnded) server.kill("SIGTERM");
}

/** Asked again until it answers, well or not. */
async function answer() {
  for (let turn = 0; turn < 300 && !hasEnded; turn++) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
    if (response?.ok) return await response.text();
    if (response !== undefined) throw new Error(`${response.status} ${await response.text()}\n${said}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`it did not answer:\n${said}`);
}
