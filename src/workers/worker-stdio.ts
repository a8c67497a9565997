/**
 * Where a process reads and prints. What goes into a stream is read by this thread's event loop, in pieces; who prints
 * more than a pipe holds waits for that, so nothing is lost and nothing grows.
 */
import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import type { Writable } from "node:stream";
import { ArgumentTypeError, KnownOptions, ownOptions } from "../errors/index.js";
import { filePath } from "./file-path.js";

/** A file, by its path or URL. */
export interface WorkerFile {
  file: string | URL;
}

/** Where a process reads and prints; what is not given is as without it. */
export interface WorkerStdio {
  /**
   * What it reads: nothing (`"ignore"`) unless given; the program's own input (`"inherit"`), or a file from its start.
   */
  stdin?: "ignore" | "inherit" | WorkerFile | undefined;
  /**
   * Where it prints: to the program's own output (`"inherit"`) unless given; nowhere (`"ignore"`), at the end of a
   * file, which is made if there is none, or into a stream of this program, which stays open.
   *
   * A stream gets the last of it maybe after `join`, and the program stays alive until then. A process that prints more
   * than a pipe holds waits while this thread blocks.
   */
  stdout?: "inherit" | "ignore" | WorkerFile | Writable | undefined;
  /** The same for errors. */
  stderr?: "inherit" | "ignore" | WorkerFile | Writable | undefined;
}

/** The same, checked. */
export interface CheckedStdio {
  readonly stdin: "ignore" | "inherit" | { readonly file: string };
  readonly stdout: Output;
  readonly stderr: Output;
}
type Output = "inherit" | "ignore" | { readonly file: string } | Writable;

const STDIO = new KnownOptions<WorkerStdio>({ stdin: true, stdout: true, stderr: true });
const FILE = new KnownOptions<WorkerFile>({ file: true });

/** @throws ArgumentTypeError for what makes no sense */
export function checkedStdio(stdio: WorkerStdio = {}): CheckedStdio {
  if (typeof stdio !== "object" || stdio === null)
    throw new ArgumentTypeError(
      `options.stdio must be an object such as { stdout: { file: "worker.log" } }, got ${stdio === null ? "null" : typeof stdio}`,
    );
  STDIO.check(stdio, "options.stdio");
  const { stdin = "ignore", stdout = "inherit", stderr = "inherit" } = ownOptions(stdio);
  return {
    stdin: checked("stdin", stdin, false),
    stdout: checked("stdout", stdout, true),
    stderr: checked("stderr", stderr, true),
  } as CheckedStdio;
}

function checked(name: string, given: unknown, takesStream: boolean): Output {
  if (given === "ignore" || given === "inherit") return given;
  if (typeof given === "object" && given !== null) {
    if (takesStream && isWritable(given)) return given;
    if ("file" in given) {
      FILE.check(given, `options.stdio.${name}`);
      return { file: filePath(`stdio.${name}.file`, given.file) };
    }
  }
  throw new ArgumentTypeError(
    `options.stdio.${name} must be "ignore", "inherit"${takesStream ? ", a stream that can be written" : ""} or { file }, got ${typeof given}`,
  );
}

function isWritable(given: object): given is Writable {
  const { write, once } = given as Partial<Writable>;
  return typeof write === "function" && typeof once === "function";
}

/** What is opened for one child. */
export interface OpenStdio {
  /** As `spawn` takes them. */
  readonly entries: readonly [
    "ignore" | "inherit" | number,
    "ignore" | "inherit" | "pipe" | number,
    "ignore" | "inherit" | "pipe" | number,
  ];
  /** The child has its own by now, or could not be started. */
  close(): void;
}

/** @throws what opening a file throws: nothing stays open then */
export function openStdio({ stdin, stdout, stderr }: CheckedStdio): OpenStdio {
  const { openSync, closeSync } = process.getBuiltinModule("node:fs");
  const opened: number[] = [];
  const close = () => {
    for (const descriptor of opened.splice(0)) closeSync(descriptor);
  };
  const open = (of: Output, flags: "r" | "a") => {
    if (typeof of === "string") return of;
    if (!("file" in of)) return "pipe";
    const descriptor = openSync(of.file, flags);
    opened.push(descriptor);
    return descriptor;
  };
  try {
    return { entries: [open(stdin, "r") as "ignore", open(stdout, "a"), open(stderr, "a")], close };
  } catch (error) {
    close();
    throw error;
  }
}

/** What a child prints into streams goes there. Neither keeps the program alive until the child has ended. */
export function pipeStdio(child: ChildProcess, stdio: CheckedStdio): void {
  for (const name of ["stdout", "stderr"] as const) {
    const to = stdio[name];
    const from = child[name] as Socket | null;
    if (typeof to === "string" || "file" in to || from === null) continue;
    const sink = sinkOf(to);
    from.on("data", (chunk: Buffer) => sink.take(from, chunk));
    from.on("error", () => {});
    from.unref();
    child.once("exit", () => from.ref());
  }
}

const sinks = new WeakMap<Writable, Sink>();

function sinkOf(stream: Writable): Sink {
  let sink = sinks.get(stream);
  if (sink === undefined) sinks.set(stream, (sink = new Sink(stream)));
  return sink;
}

/** A stream that several children print into: however many they are, it is listened to once. */
class Sink {
  readonly #stream: Writable;
  /** Those who wait until it takes more. */
  readonly #held = new Set<Socket>();

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  take(from: Socket, chunk: Buffer): void {
    // Nobody takes it any more: it is dropped, so that no child waits for ever.
    if (this.#stream.destroyed || this.#stream.writableEnded || this.#stream.write(chunk)) return;
    from.pause();
    this.#held.add(from);
    if (this.#held.size > 1) return;
    this.#stream.once("drain", this.#goOn);
    this.#stream.once("close", this.#goOn);
  }

  readonly #goOn = (): void => {
    this.#stream.off("drain", this.#goOn);
    this.#stream.off("close", this.#goOn);
    for (const from of this.#held) from.resume();
    this.#held.clear();
  };
}
