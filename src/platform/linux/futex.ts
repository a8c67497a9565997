/**
 * Sleeping and waking on a word: the futex, which goes by the word's address and finds sleepers of other processes by
 * the memory behind it.
 */
import { PlatformError } from "../../errors/index.js";
import type { WordWait } from "../contract.js";
import type { Libc } from "./libc.js";

const FUTEX_WAIT = 0;
const FUTEX_WAKE = 1;
const SYSCALL: Partial<Record<NodeJS.Architecture, number>> = {
  x64: 202,
  arm64: 98,
  riscv64: 98,
  loong64: 98,
  ppc64: 221,
  s390x: 238,
};

/** @throws PlatformError where the call's number is not known. Nothing is loaded for that. */
export function futexNumber(): number {
  const number = SYSCALL[process.arch];
  if (number === undefined)
    throw new PlatformError(
      `sharing memory between processes is not supported on linux/${process.arch} yet; use { across: "threads" }`,
    );
  return number;
}

export function futex({ call }: Libc): WordWait {
  const number = futexNumber();
  // Each call has the shortest signature it can: every argument costs some 60 ns on its way through koffi.
  const futexWait = call("int syscall(long number, uintptr_t address, int operation, int value, void *timeout)");
  const futexWake = call("int syscall(long number, uintptr_t address, int operation, int value)");
  const timespec = new BigInt64Array(2);
  let timespecMs = 0;
  return {
    wait(address, expected, ms) {
      if (ms !== timespecMs) {
        const seconds = Math.floor(ms / 1000);
        timespec[0] = BigInt(seconds);
        timespec[1] = BigInt(Math.floor((ms - seconds * 1000) * 1e6));
        timespecMs = ms;
      }
      futexWait(number, address, FUTEX_WAIT, expected, timespec);
    },
    wake(address) {
      futexWake(number, address, FUTEX_WAKE, 1);
    },
  };
}
