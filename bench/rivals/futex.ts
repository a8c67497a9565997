/**
 * A word between two processes and the bare futex calls on it: what waking a blocked process costs at least. Run as a
 * program, it is the other side.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import koffi from "koffi";

const FUTEX_SYSCALL = { x64: 202, arm64: 98 }[process.arch as "x64" | "arm64"];
const FUTEX_WAIT = 0;
const FUTEX_WAKE = 1;
const READ_WRITE = 3;
const MAP_SHARED = 1;
const PAGE = 4096;
const INHERITED = 3;

const OURS = 0;
const THEIRS = 1;
const OVER = 2;

const libc = koffi.load("libc.so.6");
const memfdCreate = libc.func("int memfd_create(const char *name, unsigned int flags)");
const ftruncate = libc.func("int ftruncate(int fd, int64_t length)");
const mmap = libc.func(
  "uintptr_t mmap(uintptr_t address, size_t length, int protection, int flags, int fd, int64_t offset)",
);
const futex = libc.func(
  "long syscall(long number, uintptr_t address, int operation, int value, void *timeout, uintptr_t address2, int value3)",
);

class Word {
  readonly #address: number;
  readonly #words: Int32Array;
  constructor(descriptor: number) {
    this.#address = Number(mmap(0, PAGE, READ_WRITE, MAP_SHARED, descriptor, 0));
    this.#words = new Int32Array(koffi.view(this.#address as never, PAGE));
  }
  give(turn: number): void {
    Atomics.store(this.#words, 0, turn);
    futex(FUTEX_SYSCALL, this.#address, FUTEX_WAKE, 1, null, 0, 0);
  }
  waitWhile(turn: number): void {
    while (Atomics.load(this.#words, 0) === turn) futex(FUTEX_SYSCALL, this.#address, FUTEX_WAIT, turn, null, 0, 0);
  }
  get turn(): number {
    return Atomics.load(this.#words, 0);
  }
}

/**
 * Starts the other side; the function that comes back makes `rounds` round trips with it and returns microseconds a
 * trip.
 */
export function futexPingPong(): { run(rounds: number): number; end(): void } {
  const descriptor = memfdCreate("bench", 0);
  ftruncate(descriptor, PAGE);
  const word = new Word(descriptor);
  spawn(process.execPath, [fileURLToPath(import.meta.url)], { stdio: ["ignore", "inherit", "inherit", descriptor] });
  return {
    run(rounds) {
      const start = performance.now();
      for (let round = 0; round < rounds; round++) {
        word.give(THEIRS);
        word.waitWhile(THEIRS);
      }
      return ((performance.now() - start) * 1e3) / rounds;
    },
    end: () => word.give(OVER),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const word = new Word(INHERITED);
  for (;;) {
    word.waitWhile(OURS);
    if (word.turn === OVER) break;
    word.give(OURS);
  }
}
