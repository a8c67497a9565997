/** Runs the programs of fixtures/programs as a user would. */
import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { timeLimit } from "../time-limit.js";

export interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

const LONGEST_MS = timeLimit(20_000);
const folder = join(import.meta.dirname, "../fixtures/programs");
const root = resolve(import.meta.dirname, "../../..");

interface Program {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves once the text has been printed. */
  says(text: string): Promise<void>;
}

export function startProgram(name: string, ...args: string[]): Program;
/** With options for Node. */
export function startProgram(options: readonly string[], name: string, ...args: string[]): Program;
export function startProgram(...given: (string | readonly string[])[]): Program {
  const [options, name, ...args] = (typeof given[0] === "string" ? [[], ...given] : given) as [
    string[],
    string,
    ...string[],
  ];
  return start([...options, join(folder, `${name}.js`), ...args]);
}

/** Runs the source itself, in an empty project that has allcores and tsx installed. */
export function startTypeScript(name: string, project: string): Program {
  const modules = join(project, "node_modules");
  mkdirSync(modules, { recursive: true });
  symlinkSync(root, join(modules, "allcores"));
  symlinkSync(join(root, "node_modules/tsx"), join(modules, "tsx"));
  copyFileSync(join(root, `tests/fixtures/programs/${name}.ts`), join(project, `${name}.mts`));
  return start(["--import", "tsx", `${name}.mts`], project);
}

function start(args: string[], cwd: string = process.cwd()): Program {
  const child = spawn(process.execPath, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), LONGEST_MS);
  let output = "";
  let errors = "";
  const listeners = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    for (const listener of listeners) listener();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const ended = new Promise<Ended>((resolve) =>
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, output, errors });
      for (const listener of listeners) listener();
    }),
  );
  const says = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (output.includes(text)) resolve();
        else if (child.exitCode !== null || child.signalCode !== null)
          reject(new Error(`ended without saying "${text}":\n${output}${errors}`));
      };
      listeners.add(look);
      look();
    });
  return { child, ended, says };
}

export function runProgram(name: string, ...args: string[]): Promise<Ended> {
  return startProgram(name, ...args).ended;
}
