/**
 * npm run example:graceful-shutdown [-- signal]: starts the service in a process group of its own, asks it for more
 * than it can answer at once, and sends the signal to the whole group, as a service manager does.
 */
import { spawn } from "node:child_process";
import { get } from "node:http";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { isMain } from "allcores";

const REQUESTS = 6;

function ask(port: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, path, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.on("end", () => resolve(body));
    }).on("error", reject);
  });
}

if (isMain(import.meta)) {
  const signal = (process.argv[2] ?? "SIGTERM") as NodeJS.Signals;
  // Detached: the leader of a group, whose processes a negative number names.
  const service = spawn(process.execPath, [fileURLToPath(new URL("./service.js", import.meta.url))], {
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => service.once("exit", (code, by) => resolve(by ?? code)));
  const answers: Promise<string>[] = [];
  for await (const line of createInterface(service.stdout)) {
    const [event, detail] = line.split(" ");
    if (event === "listening")
      for (let request = 0; request < REQUESTS; request++) answers.push(ask(detail!, `/${request}`));
    else if (event === "accepted" && Number(detail) === REQUESTS) process.kill(-service.pid!, signal);
    else if (event !== "accepted") console.log(line);
  }
  const whole = (await Promise.all(answers)).filter((answer) => /^[0-9a-f]{64}$/.test(answer));
  console.log(`${whole.length} of ${REQUESTS} answers arrived, the service ended with ${await ended}`);
}
