/**
 * Linux: memfd_create, mmap and futex through koffi, which needs no compiler.
 * koffi is loaded by the first object that reaches across processes, never by a program that uses threads only.
 */
import fs from "node:fs";
import { getEnvironmentData, setEnvironmentData } from "node:worker_threads";
import type * as Koffi from "koffi";
import { OutOfMemoryError, PlatformError } from "../../errors/index.js";
import { isOutOfDescriptors, outOfDescriptors } from "../descriptors.js";
import { isVisible } from "../visible-file.js";
import { ownUrl } from "../own-url.js";
import type { Platform } from "../contract.js";

const MFD_CLOEXEC = 1;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 0x01;
const MAP_NORESERVE = 0x4000;
const FALLOC_KEEP_SIZE_PUNCH_HOLE = 0x03;
const FUTEX_WAIT = 0;
const FUTEX_WAKE = 1;
const O_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
const O_RDWR = 2;
const O_ASYNC = 0o20000;
const O_NONBLOCK = 0o4000;
const F_GETFL = 3;
const F_SETFL = 4;
const F_SETOWN = 8;
const F_SETSIG = 10;
const SIGKILL = 9;
const LOCK_SH_NB = 1 | 4;
const LOCK_EX_NB = 2 | 4;
const EWOULDBLOCK = 11;
const EINTR = 4;
/** What is asked for at a time: before Linux 5.19 any signal makes the kernel undo the piece at hand. */
const RESERVE_BYTES = 2 ** 24;

const FUTEX_SYSCALL: Partial<Record<NodeJS.Architecture, number>> = { x64: 202, arm64: 98, riscv64: 98, loong64: 98, ppc64: 221, s390x: 238 };

const BINDING = "allcores.binding@1";

/** Where the native part of koffi is: what a child is told, and threads that are started from here on find by themselves. */
export function binding(): string | undefined {
  return getEnvironmentData(BINDING) as string | undefined;
}

export function useBinding(path: string | undefined): void {
  if (path !== undefined) setEnvironmentData(BINDING, path);
}

/** koffi's modules list each other by `for … in`, which would meet what somebody has added to `Object.prototype`: that is not listed meanwhile. */
function withoutInherited<T>(load: () => T): T {
  const listed = Object.keys(Object.prototype).filter((name) => Object.getOwnPropertyDescriptor(Object.prototype, name)!.configurable);
  const list = (enumerable: boolean) => {
    for (const name of listed) Object.defineProperty(Object.prototype, name, Object.assign(Object.create(null), { enumerable }));
  };
  list(false);
  try {
    return load();
  } finally {
    list(true);
  }
}

/** The first worker that needs it has koffi look for its native part, which takes ten times as long as loading that; the others load it from there. */
function loadKoffi(): typeof Koffi {
  const known = binding();
  if (known !== undefined && isVisible(known)) {
    const module = { exports: {} };
    process.dlopen(module, known);
    return module.exports as typeof Koffi;
  }
  // Not imported: a bundler would take it for its own to resolve.
  const require = process.getBuiltinModule("node:module").createRequire(ownUrl(import.meta.url));
  const koffi = withoutInherited(() => require("koffi") as typeof Koffi);
  useBinding(Object.keys(require.cache).find((file) => file.endsWith("koffi.node")));
  return koffi;
}

export function linux(): Platform {
  const futexNumber = FUTEX_SYSCALL[process.arch];
  if (futexNumber === undefined)
    throw new PlatformError(`sharing memory between processes is not supported on linux/${process.arch} yet; use { across: "threads" }`);
  const koffi = loadKoffi();
  // What this process has loaded already: glibc's file has another name than musl's.
  const libc = koffi.load(null);
  const memfdCreate = libc.func("int memfd_create(const char *name, unsigned int flags)");
  const ftruncate = libc.func("int ftruncate(int fd, int64_t length)");
  const mmap = libc.func("uintptr_t mmap(uintptr_t address, size_t length, int protection, int flags, int fd, int64_t offset)");
  const fchmod = libc.func("int fchmod(int fd, unsigned int mode)");
  const fallocate = libc.func("int fallocate(int fd, int mode, int64_t offset, int64_t length)");
  const pipe2 = libc.func("int pipe2(void *descriptors, int flags)");
  const open = libc.func("int open(const char *path, int flags)");
  const close = libc.func("int close(int fd)");
  const exit = libc.func("void _exit(int code)");
  const fcntl = libc.func("int fcntl(int fd, int command, long argument)");
  // Each call has the shortest signature it can: every argument costs some 60 ns on its way through koffi.
  const futexWait = libc.func("int syscall(long number, uintptr_t address, int operation, int value, void *timeout)");
  const futexWake = libc.func("int syscall(long number, uintptr_t address, int operation, int value)");
  const timespec = new BigInt64Array(2);
  let timespecMs = 0;
  const failed = (call: string, errno = koffi.errno()): never => {
    if (isOutOfDescriptors(errno)) throw outOfDescriptors("memory to share between processes");
    throw new OutOfMemoryError(`${call} failed (errno ${errno}): the system gave no memory to share between processes`);
  };

  // SIGIO's place taken by SIGKILL: unlike PR_SET_PDEATHSIG it follows the parent process, not the thread that spawned the child. Kept with the open file, which parent and child share.
  const killWhenClosed = (descriptor: number, pid: number): void => {
    fcntl(descriptor, F_SETOWN, pid);
    fcntl(descriptor, F_SETSIG, SIGKILL);
    fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL, 0) | O_ASYNC | O_NONBLOCK);
  };

  return {
    createMemory(label, bytes) {
      const descriptor = memfdCreate(label, MFD_CLOEXEC);
      if (descriptor < 0 || ftruncate(descriptor, bytes) === 0) return descriptor < 0 ? failed("memfd_create") : descriptor;
      const errno = koffi.errno();
      close(descriptor);
      return failed("ftruncate", errno);
    },
    keepToOwner(descriptor) {
      if (fchmod(descriptor, 0o600) !== 0)
        throw new PlatformError(`fchmod failed (errno ${koffi.errno()}): the kernel does not close this file to other users`);
    },
    map(descriptor, bytes) {
      const address: number | bigint = mmap(0, bytes, PROT_READ_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor, 0);
      return Number(address) <= 0 || BigInt(address) >= 0xffff_ffff_ffff_f000n ? failed("mmap") : Number(address);
    },
    view: (address, bytes) => koffi.view(address as never, bytes),
    reserve(descriptor, at, bytes) {
      for (const end = at + bytes; at < end; at += RESERVE_BYTES) {
        // A signal, or being stopped and continued, says nothing about memory.
        while (fallocate(descriptor, 0, at, Math.min(RESERVE_BYTES, end - at)) !== 0) if (koffi.errno() !== EINTR) return false;
      }
      return true;
    },
    discard(descriptor, at, bytes) {
      fallocate(descriptor, FALLOC_KEEP_SIZE_PUNCH_HOLE, at, bytes);
    },
    wait(address, expected, ms) {
      if (ms !== timespecMs) {
        const seconds = Math.floor(ms / 1000);
        timespec[0] = BigInt(seconds);
        timespec[1] = BigInt(Math.floor((ms - seconds * 1000) * 1e6));
        timespecMs = ms;
      }
      futexWait(futexNumber, address, FUTEX_WAIT, expected, timespec);
    },
    wake(address, count) {
      futexWake(futexNumber, address, FUTEX_WAKE, count);
    },
    lock(descriptor, alone) {
      // Declared here: few programs need it.
      const flock = libc.func("int flock(int fd, int operation)");
      if (flock(descriptor, alone ? LOCK_EX_NB : LOCK_SH_NB) === 0) return true;
      const errno = koffi.errno();
      if (errno === EWOULDBLOCK) return false;
      throw new PlatformError(`flock failed (errno ${errno}): the kernel gives no lock on this file`);
    },
    pipe() {
      const ends = new Int32Array(2);
      if (pipe2(ends, O_NONBLOCK_CLOEXEC) !== 0) return undefined;
      const both = open(`/proc/self/fd/${ends[0]}`, O_RDWR | O_NONBLOCK_CLOEXEC);
      close(ends[0]);
      close(ends[1]);
      return both < 0 ? undefined : both;
    },
    neverBlock(descriptor) {
      fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL, 0) | O_NONBLOCK);
    },
    exit(code) {
      exit(code);
      throw new PlatformError("_exit returned");
    },
    lifeline() {
      const ends = new Int32Array(2);
      if (pipe2(ends, O_NONBLOCK_CLOEXEC) !== 0) return failed("pipe2");
      const [childs, writes] = ends as unknown as [number, number];
      try {
        // Opened by Node, which closes it when the thread that did so ends: a child whose handle is gone ends too.
        return { childs, parents: fs.openSync(`/proc/self/fd/${writes}`, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK) };
      } catch (error) {
        close(childs);
        throw isOutOfDescriptors(error) ? outOfDescriptors("another process", error) : error;
      } finally {
        close(writes);
      }
    },
    close: (descriptor) => void close(descriptor),
    killWhenClosed,
    dieWhenClosed(descriptor) {
      killWhenClosed(descriptor, process.pid);
      // Closed before the line above, it sends nothing any more: it is at its end then. Asking for the parent's pid instead leaves a gap, since a process that ends closes its
      // descriptors first and hands its children over later.
      try {
        return fs.readSync(descriptor, Buffer.alloc(1)) > 0;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code === "EAGAIN";
      }
    },
  };
}
