import { Command, Option } from "commander";
import { CommandFailure, firstLine } from "./command-failure.js";
import { wholeNumberFrom } from "./duration.js";
import { EXIT, type Finish } from "./exit-code.js";

interface Given {
  readonly redis: string;
  readonly queue: string;
  readonly allow: readonly string[];
  readonly workers?: number;
  readonly model: "process" | "thread";
  readonly build?: string;
  readonly name?: string;
  readonly lease: "default" | "fast";
  readonly port?: number;
  readonly host?: string;
}

const HELP = `
Only modules under --allow are ever imported, whatever lies in the queue. SIGTERM and Ctrl-C drain: the worker takes no
more, and ends when its tasks have. A second signal ends it at once, and its tasks run elsewhere.

With --port it answers /health, /ready and /metrics (for Prometheus).

Examples:
  allcores worker --redis redis://localhost:6379 --queue mail --allow ./tasks
  allcores worker --redis rediss://user:secret@host:6380 --queue mail --allow shop --workers 4 --port 9100`;

/** `allcores worker`: serves the queue of remote pools. */
export function workerCommand(finish: Finish): Command {
  return new Command("worker")
    .summary("serves the queue of remote pools")
    .description(
      "Runs tasks that remote pools have put into a queue in Redis. It needs the packages bullmq and ioredis.",
    )
    .requiredOption("--redis <url>", "where the server is")
    .requiredOption("--queue <name>", "the queue, as the pools call it")
    .requiredOption("--allow <module...>", "files, folders or packages whose tasks it runs")
    .option("--workers <n>", "tasks at a time; one for each core unless given", wholeNumberFrom(1))
    .addOption(new Option("--model <model>", "what its tasks run in").choices(["process", "thread"]).default("process"))
    .option("--build <text>", "in place of the packages' versions in the names of tasks; the pools need the same")
    .option("--name <text>", "how others call it; its host and process unless given")
    .addOption(
      new Option("--lease <preset>", "how soon the tasks of a killed worker run elsewhere: 14 s, or 4")
        .choices(["default", "fast"])
        .default("default"),
    )
    .option("--port <n>", "for /health, /ready and /metrics; 0 takes a free one", wholeNumberFrom(0))
    .option("--host <address>", "where that listens; 127.0.0.1 unless given")
    .addHelpText("after", HELP)
    .action(async ({ redis, ...options }: Given) => {
      const { serveRemote } = await import("../remote/index.js");
      let exitCode: number;
      try {
        const server = await serveRemote({ ...options, connection: redis, signals: true });
        console.log(`serving ${options.queue}`);
        await server.whenEnded;
        ({ exitCode } = server);
      } catch (error) {
        throw new CommandFailure(EXIT.server, firstLine(error));
      }
      finish(exitCode);
    });
}
