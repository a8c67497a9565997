/** Runs a scenario in a program of its own, under a watchdog, and looks for what it left behind. */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Across } from "./supervisor.js";
import type { Tally } from "./scenario.js";
import { timeLimit } from "../time-limit.js";

const program = fileURLToPath(new URL("program.js", import.meta.url));
const MARK = "ALLCORES_CHAOS";
/** Runs so far. Two that run at a time may have the same seed: each knows its processes by a mark of its own. */
let runs = 0;
/** A program that is not done by then hangs: each fault takes far less. */
const patience = (faults: number) => timeLimit(60_000 + faults * 1500);

export interface ChaosRun {
  readonly scenario: string;
  readonly across: Across;
  readonly faults: number;
  readonly seed: number;
}

/** Its counts. @throws when an invariant was broken, it hung, or something was left. */
export async function runChaos({ scenario, across, faults, seed }: ChaosRun): Promise<Tally> {
  const mark = `${process.pid}-${++runs}`;
  const folder = mkdtempSync(join(tmpdir(), "allcores-chaos-"));
  const segments = new Set(readdirSync("/dev/shm"));
  try {
    const child = spawn(process.execPath, [program, scenario, across, String(faults), String(seed)], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, [MARK]: mark, TMPDIR: folder },
    });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
    let hung: string | undefined;
    const watchdog = setTimeout(() => {
      hung = marked(mark).map(describe).join("\n");
      for (const pid of marked(mark)) process.kill(pid, "SIGKILL");
    }, patience(faults));
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
      child.on("close", (code, signal) => resolve([code, signal])),
    );
    clearTimeout(watchdog);
    if (hung !== undefined) throw new Error(`it hung; its processes were\n${hung}\n${out}${err}`);
    if (code !== 0) throw new Error(`it ended with ${signal ?? code}\n${out}${err}`);
    for (
      const end = performance.now() + timeLimit(2000);
      marked(mark).length > 0;
      await new Promise((resolve) => setTimeout(resolve, 10))
    )
      if (performance.now() > end) throw new Error(`processes are left: ${marked(mark).map(describe).join("\n")}`);
    const left = [
      ...readdirSync("/dev/shm").filter((name) => !segments.has(name) && /allcores(?!-lock-)/.test(name)),
      ...readdirSync(folder),
    ];
    if (left.length > 0) throw new Error(`left behind: ${left.join(", ")}`);
    return JSON.parse(out.trimEnd().split("\n").at(-1)!) as Tally;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The processes of a run that are there. */
function marked(mark: string): number[] {
  const pids: number[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (readFileSync(`/proc/${name}/environ`, "latin1").split("\0").includes(`${MARK}=${mark}`))
        pids.push(Number(name));
    } catch {
      // It is gone, or somebody else's.
    }
  }
  return pids;
}

function describe(pid: number): string {
  try {
    const state = /^State:\s*(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return `  ${pid} ${state} ${readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").slice(0, 300)}`;
  } catch {
    return `  ${pid} is gone`;
  }
}
