/** The example across two hosts of our own: network namespaces that only a cable between them joins. Nightly. */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { noRedis, redisProgram } from "../fixtures/redis.js";
import { inForm } from "../form.js";
import { timeLimit } from "../time-limit.js";
import { until } from "./remote.contract.js";

const command = resolve(import.meta.dirname, "../../../dist/cli.js");
const examples = resolve(import.meta.dirname, "../../examples/remote");
/** Of RFC 5737: no real network has them. */
const [HERE, THERE] = ["192.0.2.1", "192.0.2.2"];
const PORT = 6379;

const ip = (...args: string[]) => void execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });

/** Two hosts and the cable between them. */
class TwoHosts implements Disposable {
  readonly here = `allcores-here-${process.pid}`;
  readonly there = `allcores-there-${process.pid}`;

  /** @throws where this user or this kernel may not */
  constructor() {
    try {
      // Names of interfaces have at most 15 characters; these are seen by their own hosts only.
      for (const host of [this.here, this.there]) ip("netns", "add", host);
      ip("-n", this.here, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", this.there);
      for (const [host, address] of [
        [this.here, HERE],
        [this.there, THERE],
      ] as const) {
        ip("-n", host, "address", "add", `${address}/30`, "dev", "cable");
        ip("-n", host, "link", "set", "lo", "up");
        ip("-n", host, "link", "set", "cable", "up");
      }
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  start(host: string, program: string, ...args: string[]): ChildProcess {
    return spawn("ip", ["netns", "exec", host, program, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  }

  [Symbol.dispose](): void {
    for (const host of [this.here, this.there]) {
      try {
        ip("netns", "delete", host);
      } catch {
        // It was not made.
      }
    }
  }
}

/** Why there can be no two hosts here. */
function noHosts(): string | false {
  try {
    new TwoHosts()[Symbol.dispose]();
    return false;
  } catch (error) {
    return `network namespaces cannot be made here: ${(error as Error).message.split("\n").at(-1)}`;
  }
}

const noServer = () =>
  noRedis() ||
  (redisProgram() === undefined ? "there is no redis-server that could be started on another host" : false);
const skip =
  noServer() || inForm<() => string | false>({ short: () => "it makes networks: nightly", whole: noHosts })();

test("the server on one host, the worker on another", { skip, timeout: timeLimit(60_000) }, async () => {
  using hosts = new TwoHosts();
  const folder = mkdtempSync(join(tmpdir(), "allcores-hosts-"));
  const url = `redis://${HERE}:${PORT}`;
  const serverOptions = [
    "--port",
    String(PORT),
    "--bind",
    HERE,
    "--protected-mode",
    "no",
    "--save",
    "",
    "--dir",
    folder,
  ];
  const programs = [
    hosts.start(hosts.here, redisProgram()!, ...serverOptions),
    hosts.start(
      hosts.there,
      process.execPath,
      command,
      "worker",
      "--redis",
      url,
      "--queue",
      "one-word",
      "--allow",
      join(examples, "tasks.js"),
    ),
  ];
  try {
    let said = "";
    programs[0]!.stdout!.resume();
    programs[1]!.stdout!.on("data", (text) => (said += String(text)));
    await until(() => said.includes("serving one-word"));
    const caller = ["netns", "exec", hosts.here, process.execPath, join(examples, "one-word.js"), "remote"];
    const { stdout } = await promisify(execFile)("ip", caller, { env: { ...process.env, REDIS: url } });
    assert.equal(stdout, "158 375 615\n2568\n");
  } finally {
    for (const program of programs) program.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
});
