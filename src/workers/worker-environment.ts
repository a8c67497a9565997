import { ArgumentTypeError } from "../errors/index.js";
import { filePath } from "./file-path.js";
import { type CheckedStdio, checkedStdio, type WorkerStdio } from "./worker-stdio.js";

/** What surrounds a worker, thread or process. */
export interface WorkerEnvironment {
  /**
   * Its `process.env`, in place of the program's: `{ ...process.env, LEVEL: "2" }` adds to that. A name whose value is
   * undefined is left out. A thread gets a copy, as it does of the program's.
   */
  env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Its `process.argv.slice(2)`, in place of what the program was called with. */
  argv?: readonly string[] | undefined;
  /**
   * Node's own options for it, in place of the program's. A thread takes those only that Node allows for a thread, and
   * cannot be started with others.
   */
  execArgv?: readonly string[] | undefined;
}

/** What surrounds a process besides; all threads of a program have these in common. */
export interface ProcessEnvironment extends WorkerEnvironment {
  /** The folder that it works in: a path or a URL. The program's unless given. Processes only. */
  cwd?: string | URL | undefined;
  /** Where it reads and prints. The program's own, without input, unless given. Processes only. */
  stdio?: WorkerStdio | undefined;
}

/** The names of the options, for tables of what is known. */
export const WORKER_ENVIRONMENT = { env: true, argv: true, execArgv: true } as const;
export const PROCESS_ENVIRONMENT = { ...WORKER_ENVIRONMENT, cwd: true, stdio: true } as const;
/** What is said to those who give threads what only processes have. */
export const OF_PROCESSES = {
  cwd: "all threads of a program work in one folder; use a process",
  stdio: "all threads of a program print to one place; use a process",
} as const;

/** What surrounds a worker, checked; what is undefined is the program's own. */
export interface CheckedEnvironment {
  readonly env: Readonly<Record<string, string>> | undefined;
  readonly argv: readonly string[] | undefined;
  readonly execArgv: readonly string[] | undefined;
  readonly cwd: string | undefined;
  readonly stdio: CheckedStdio;
}

/** All of the program's own. */
export const PROGRAMS_OWN: CheckedEnvironment = {
  env: undefined,
  argv: undefined,
  execArgv: undefined,
  cwd: undefined,
  stdio: checkedStdio(),
};

/** Whether a worker that was started ahead, with all of the program's own, will do. */
export function isTheProgramsOwn({ env, argv, execArgv, cwd, stdio }: CheckedEnvironment): boolean {
  const { stdin, stdout, stderr } = PROGRAMS_OWN.stdio;
  return (
    env === undefined &&
    argv === undefined &&
    execArgv === undefined &&
    cwd === undefined &&
    stdio.stdin === stdin &&
    stdio.stdout === stdout &&
    stdio.stderr === stderr
  );
}

/** @throws ArgumentTypeError for what makes no sense */
export function checkedEnvironment({ env, argv, execArgv, cwd, stdio }: ProcessEnvironment): CheckedEnvironment {
  return {
    env: env === undefined ? undefined : checkedEnv(env),
    argv: argv === undefined ? undefined : words("argv", argv),
    execArgv: execArgv === undefined ? undefined : words("execArgv", execArgv),
    cwd: cwd === undefined ? undefined : folder(cwd),
    stdio: checkedStdio(stdio),
  };
}

function checkedEnv(env: object): Record<string, string> {
  if (typeof env !== "object" || env === null)
    throw new ArgumentTypeError(`options.env must be an object such as { LEVEL: "2" }, got ${typeof env}`);
  const checked = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) continue;
    if (typeof value !== "string")
      throw new ArgumentTypeError(`options.env.${name} must be a string, got ${typeof value}`);
    checked[name] = value;
  }
  return checked;
}

function words(option: string, given: readonly unknown[]): string[] {
  if (!Array.isArray(given))
    throw new ArgumentTypeError(`options.${option} must be an array of strings, got ${typeof given}`);
  return given.map((word) => {
    if (typeof word !== "string")
      throw new ArgumentTypeError(`options.${option} must be an array of strings, and has ${typeof word} in it`);
    return word;
  });
}

/** Looked for at once: a process that is started in none tells nobody why it ends. */
function folder(cwd: string | URL): string {
  const path = filePath("cwd", cwd);
  if (process.getBuiltinModule("node:fs").statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new ArgumentTypeError(`options.cwd must be a folder that exists, got ${path}`);
  return path;
}
