/** A folder of its own in which a script runs commands. A signal ends what runs there, and removes the folder. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";

export class Workplace {
  path;
  #running;
  #isKept;

  /** `isKept`: it stays behind, and says where it is. */
  constructor(prefix, isKept = false) {
    this.#isKept = isKept;
    // First these, as the folder would outlive a signal that comes between.
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
      process.on(signal, () => {
        end(this.#running, "SIGKILL");
        this.remove();
        process.exit(128 + constants.signals[signal]);
      });
    this.path = mkdtempSync(join(tmpdir(), prefix));
  }

  /** A command has a group of its own, which ends with it, whatever the command has started. */
  async run(command, cwd, { env = process.env, limit }) {
    mkdirSync(cwd, { recursive: true });
    const started = spawn("sh", ["-c", command], { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    this.#running = started;
    let [out, said] = ["", ""];
    started.stdout.setEncoding("utf8").on("data", (text) => {
      out += text;
      said += text;
    });
    started.stderr.setEncoding("utf8").on("data", (text) => (said += text));
    const timer = setTimeout(() => {
      said += `\nstill ran after ${limit / 1000} s`;
      end(started, "SIGKILL");
    }, limit);
    const status = await new Promise((done) =>
      started.on("exit", () => end(started, "SIGTERM")).on("close", (code, signal) => done(code ?? signal)),
    );
    clearTimeout(timer);
    this.#running = undefined;
    return { status, out, said };
  }

  remove() {
    if (this.path === undefined) return;
    if (this.#isKept) console.log(`kept: ${this.path}`);
    else rmSync(this.path, { recursive: true, force: true, maxRetries: 5 });
  }
}

function end(started, signal) {
  if (started?.pid === undefined) return;
  try {
    process.kill(-started.pid, signal);
  } catch (error) {
    // Nothing of the group is left.
    if (error.code !== "ESRCH") throw error;
  }
}
