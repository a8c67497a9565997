/** What this machine has, what works on it, and what will not. Of the system it asks `platform/` only. */
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import pc from "picocolors";
import { cpuCount } from "../index.js";
import { platform, processPlatform } from "../platform/index.js";
import { firstLine } from "./command-failure.js";

export interface Finding {
  readonly subject: string;
  /** "unknown": this system does not tell. */
  readonly state: "works" | "limited" | "missing" | "unknown" | "fact";
  readonly text: string;
}

/** Bytes of the piece of shared memory that is made for a try. */
const TRIED_BYTES = 2 ** 20;
/** Files that a pool of processes may open for each worker, about. */
const DESCRIPTORS_PER_PROCESS = 12;

export function examine(): Finding[] {
  return [...cores(), ...memory(), ...descriptors(), sharedMemory(), neighbours(), liveness(), ...node(), typescript()];
}

function cores(): Finding[] {
  const quota = platform.resources.cpuQuota();
  const usable = cpuCount();
  const facts = `${usable} for this program: ${availableParallelism()} that it may run on`;
  const bound = Number.isFinite(quota) ? `, and a quota of ${quota.toFixed(2)} by the container` : ", and no quota";
  return [
    usable > 1
      ? { subject: "cores", state: "works", text: facts + bound }
      : { subject: "cores", state: "limited", text: `${facts}${bound}; computing cannot get faster, waiting can` },
  ];
}

function memory(): Finding[] {
  const limit = process.constrainedMemory();
  const text =
    limit > 0 && limit < 2 ** 60 ? `${megabytes(limit)} by the container or system` : "no limit that Node can see";
  return [{ subject: "memory limit", state: limit === 0 ? "unknown" : "fact", text }];
}

function descriptors(): Finding[] {
  const soft = (process.report.getReport() as { userLimits?: { open_files?: { soft?: number | string } } }).userLimits
    ?.open_files?.soft;
  if (soft === undefined)
    return [{ subject: "open files", state: "unknown", text: "this system does not tell its limit" }];
  const most = typeof soft === "number" ? Math.floor(soft / DESCRIPTORS_PER_PROCESS) : Number.POSITIVE_INFINITY;
  const isEnough = most >= 4 * cpuCount();
  return [
    {
      subject: "open files",
      state: isEnough ? "works" : "limited",
      text: isEnough
        ? `at most ${soft}`
        : `at most ${soft}, enough for about ${most} processes; raise it with ulimit -n`,
    },
  ];
}

function sharedMemory(): Finding {
  try {
    const { memory } = processPlatform();
    const piece = memory.create({ version: 0, heap: process.pid, ofMachine: false }, TRIED_BYTES);
    memory.close(piece);
    return { subject: "shared memory", state: "works", text: "processes can share locks, queues and data" };
  } catch (error) {
    return {
      subject: "shared memory",
      state: "missing",
      text: `processes cannot share objects, threads can: ${firstLine(error)}`,
    };
  }
}

function neighbours(): Finding {
  const subject = "other programs";
  if (!platform.liveness.isTold)
    return { subject, state: "unknown", text: "this system does not tell who may look into a process" };
  try {
    return platform.peers.areLetIn
      ? {
          subject,
          state: "works",
          text: 'processes of this user may attach to shared memory (across: "machine"), unless a ptrace restriction forbids it',
        }
      : {
          subject,
          state: "limited",
          text: "this process runs with extra rights, so no other may attach to its shared memory",
        };
  } catch (error) {
    return { subject, state: "unknown", text: firstLine(error) };
  }
}

function liveness(): Finding {
  const subject = "deaths of workers";
  if (!platform.liveness.isTold)
    return {
      subject,
      state: "limited",
      text: "this system does not tell them; a worker's own exit or its parent's word ends it",
    };
  return platform.liveness.isRunning(platform.liveness.thisThread())
    ? { subject, state: "works", text: "seen at once, even after SIGKILL: locks pass on, and tasks are tried again" }
    : {
        subject,
        state: "limited",
        text: "the system takes this very thread for ended; is its process information mounted?",
      };
}

function node(): Finding[] {
  const flags = [...process.execArgv, ...(process.env.NODE_OPTIONS ?? "").split(/\s+/)].filter((flag) => flag !== "");
  const found: Finding[] = [
    {
      subject: "Node",
      state: "fact",
      text: `${process.versions.node}, ${flags.length === 0 ? "no flags" : flags.join(" ")}`,
    },
  ];
  const { permission } = process;
  if (permission === undefined) return found;
  const missing = [
    ...(permission.has("worker") ? [] : ["--allow-worker"]),
    ...platform.needs.filter((need) => !need.isGranted(permission)).map(({ flag }) => flag),
  ];
  const text =
    missing.length === 0
      ? "on, and all that workers need is granted"
      : `on, and workers need ${[...new Set(missing)].join(" ")} too`;
  return [...found, { subject: "permission model", state: missing.length === 0 ? "works" : "limited", text }];
}

function typescript(): Finding {
  const subject = "TypeScript";
  if (Number.parseInt(process.versions.node, 10) >= 24)
    return { subject, state: "works", text: "Node runs .ts files itself" };
  try {
    const { version } = createRequire(join(process.cwd(), "x.js"))("tsx/package.json") as { version: string };
    return { subject, state: "works", text: `.ts files run through tsx ${version}` };
  } catch {
    return {
      subject,
      state: "missing",
      text: "this Node needs tsx for .ts files, and it is not found from this folder: npm install tsx",
    };
  }
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}

export function portray(findings: readonly Finding[]): string {
  const paint = {
    works: pc.green,
    limited: pc.yellow,
    missing: pc.red,
    unknown: pc.yellow,
    fact: (text: string) => text,
  };
  const word = { works: "works", limited: "limited", missing: "missing", unknown: "not told", fact: "" };
  return findings
    .map(({ subject, state, text }) => `${subject.padEnd(18)} ${paint[state](word[state].padEnd(9))} ${text}`)
    .join("\n");
}
