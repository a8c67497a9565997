/** Linux: what the kernel tells in /proc and /sys; for processes memfd_create, mmap and futex through koffi. */
import { PlatformError } from "../../errors/index.js";
import type { Platform, ProcessPlatform } from "../contract.js";
import { doorbells } from "./doorbell.js";
import { fileControl } from "./file-control.js";
import { futex, futexNumber } from "./futex.js";
import { handOver } from "./hand-over.js";
import { loadLibc } from "./libc.js";
import { lifeline } from "./lifeline.js";
import { liveness } from "./liveness.js";
import { machineLocks } from "./machine-lock.js";
import { memory, memoryFiles } from "./memory.js";
import { ownerOnly } from "./owner-only.js";
import { peers } from "./peers.js";
import { NEEDS } from "./permission.js";
import { pipes } from "./pipe.js";
import { resources } from "./resources.js";
import { signals } from "./signals.js";

export const linux: Platform = { liveness, peers, resources, signals, needs: NEEDS, processes };

function processes(): ProcessPlatform {
  // Before anything is loaded.
  futexNumber();
  const libc = loadLibc();
  const exit = libc.call("void _exit(int code)");
  const createFile = memoryFiles(libc);
  const keepToOwner = ownerOnly(libc);
  const makePipe = pipes(libc);
  const control = fileControl(libc);
  return {
    memory: memory(libc, createFile, keepToOwner),
    words: futex(libc),
    doorbells: doorbells(libc, makePipe),
    lifeline: lifeline(libc, makePipe, control),
    handOver: handOver(libc, createFile, control),
    machineLock: machineLocks(libc, keepToOwner),
    exit(code) {
      exit(code);
      throw new PlatformError("_exit returned");
    },
  };
}
