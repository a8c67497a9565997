/**
 * Faults that pass: no memory is left to share, no file descriptor is left to a process, or it is stopped for a while.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { isAllcoresError } from "allcores";
import { type Heap, KIND, LIVE, processHeap, threadHeap } from "../../src/memory/index.js";
import { BLOCK_HEADER_WORDS, PAGE_WORDS } from "../../src/memory/layout.js";
import { CLASSES, sizeOf } from "../../src/memory/size-class.js";
import "../../src/parking/index.js";
import { untouched } from "../fixtures/untouched.js";
import type { Across } from "./supervisor.js";

/** What the program lives in from the first such fault on: 32 MB. */
const SPARE_BLOCKS = 8;
const SPARE_WORDS = 2 ** 20;
const LARGEST_WORDS = 2 ** 24;

/** What is refused for want of something, and may be asked for again. */
export function isShortage(error: unknown): boolean {
  if (!isAllcoresError(error)) return false;
  // A worker that has begun reads its modules, which needs a descriptor too. Of a package.json that it cannot open Node
  // says that there is no such package.
  if (error.code === "ERR_ALLCORES_TASK_LOAD")
    return /EMFILE|ENFILE|Cannot find package 'allcores'/.test(error.message);
  return ["ERR_ALLCORES_OUT_OF_MEMORY", "ERR_ALLCORES_OUT_OF_DESCRIPTORS"].includes(error.code);
}

/** Takes all the shared memory there is. Whole pages first, then what is left in the pages of each size. */
export class Hoard {
  readonly #heap: Heap;
  #taken: number[] = [];
  #isFirst = true;

  constructor(across: Across) {
    this.#heap = across === "threads" ? threadHeap() : processHeap();
  }

  take(): void {
    if (this.#isFirst) {
      for (let count = 0; count < SPARE_BLOCKS; count++) this.#take(SPARE_WORDS);
      // Kept: all the rest.
      const spare = this.#taken.splice(0);
      this.#takeAll();
      this.#taken = spare;
      this.#isFirst = false;
      return;
    }
    this.#takeAll();
  }

  #takeAll(): void {
    for (let words = LARGEST_WORDS; words >= PAGE_WORDS; words /= 2) while (this.#take(words - BLOCK_HEADER_WORDS));
    for (let sizeClass = CLASSES - 1; sizeClass >= 0; sizeClass--) while (this.#take(sizeOf(sizeClass)));
  }

  give(): void {
    for (const at of this.#taken.splice(0)) this.#heap.allocator.free(at);
  }

  #take(words: number): boolean {
    try {
      this.#taken.push(untouched(() => this.#heap.allocator.allocate(words, KIND.plain, LIVE)));
      return true;
    } catch (error) {
      if (!isShortage(error)) throw error;
      return false;
    }
  }
}

/**
 * For so many milliseconds a process can open no more files. False where the system has no such tool, or the process is
 * gone.
 */
export async function exhaustDescriptors(pid: number, ms: number): Promise<boolean> {
  let limits: string[] | undefined;
  try {
    limits = /^Max open files\s+(\d+)\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, "utf8"))?.slice(1);
  } catch {
    return false;
  }
  if (limits === undefined) return false;
  const [soft, hard] = limits;
  return await fromOutside(
    `prlimit --pid ${pid} --nofile=3:${hard} && sleep ${ms / 1000} && prlimit --pid ${pid} --nofile=${soft}:${hard}`,
  );
}

/** Stops a process, and then has it go on or kills it. */
export async function halt(pid: number, ms: number, then: "CONT" | "KILL"): Promise<boolean> {
  return await fromOutside(`kill -STOP ${pid} && sleep ${ms / 1000} && kill -${then} ${pid}`);
}

/**
 * By a process that shares nothing with the program: whoever is stopped inside an internal mutex stops the program's
 * main thread too.
 */
async function fromOutside(script: string): Promise<boolean> {
  const helper = spawn("/bin/sh", ["-c", script], { stdio: "ignore" });
  return await new Promise((resolve) => {
    helper.on("error", () => resolve(false));
    helper.on("exit", (code) => resolve(code === 0));
  });
}
