/**
 * Memory files: memfd_create and mmap. They stand in no folder, and are found through the processes that have them open
 * (members.ts).
 */
import fs from "node:fs";
import type { Memory, MemoryName, SoughtMemory } from "../contract.js";
import type { Libc } from "./libc.js";
import { openThroughMember } from "./members.js";
import type { OwnerOnly } from "./owner-only.js";
import { peers } from "./peers.js";

const MFD_CLOEXEC = 1;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 0x01;
const MAP_NORESERVE = 0x4000;
const FALLOC_KEEP_SIZE_PUNCH_HOLE = 0x03;
const EINTR = 4;
/** What is asked for at a time: before Linux 5.19 any signal makes the kernel undo the piece at hand. */
const COMMIT_BYTES = 2 ** 24;

/** How memory files of a version are called; /proc shows it. */
const labelOf = (version: number, heap: number | "") => `allcores:${version}:${heap}`;
/** What is added to that name where the heap is all programs'. */
const OF_MACHINE = ":machine";

function nameOf({ version, heap, ofMachine }: MemoryName): string {
  return labelOf(version, heap) + (ofMachine ? OF_MACHINE : "");
}

function isNameOf(sought: SoughtMemory): (name: string) => boolean {
  if (!("heap" in sought)) return (name) => name.startsWith(labelOf(sought.version, "")) && name.endsWith(OF_MACHINE);
  const label = labelOf(sought.version, sought.heap);
  return (name) => name === label || name === label + OF_MACHINE;
}

/** Makes an anonymous file of so many bytes. */
export type CreateFile = (name: string, bytes: number) => number;

export function memoryFiles({ koffi, call, failed, close }: Libc): CreateFile {
  const memfdCreate = call("int memfd_create(const char *name, unsigned int flags)");
  const ftruncate = call("int ftruncate(int fd, int64_t length)");
  return (name, bytes) => {
    const descriptor = memfdCreate(name, MFD_CLOEXEC);
    if (descriptor < 0 || ftruncate(descriptor, bytes) === 0)
      return descriptor < 0 ? failed("memfd_create") : descriptor;
    const errno = koffi.errno();
    close(descriptor);
    return failed("ftruncate", errno);
  };
}

export function memory({ koffi, call, failed }: Libc, createFile: CreateFile, keepToOwner: OwnerOnly): Memory {
  const mmap = call(
    "uintptr_t mmap(uintptr_t address, size_t length, int protection, int flags, int fd, int64_t offset)",
  );
  const fallocate = call("int fallocate(int fd, int mode, int64_t offset, int64_t length)");
  return {
    create(name, bytes) {
      const descriptor = createFile(nameOf(name), bytes);
      try {
        // No other user can reach it through /proc anyway.
        keepToOwner(descriptor);
      } catch (error) {
        fs.closeSync(descriptor);
        throw error;
      }
      return descriptor;
    },
    find: (sought, suits, likely) => openThroughMember(isNameOf(sought), suits, likely),
    close: (descriptor) => fs.closeSync(descriptor),
    readHeader(descriptor, words, bytes) {
      if (fs.fstatSync(descriptor).size !== bytes) return undefined;
      const header = new Int32Array(words);
      return fs.readSync(descriptor, header, 0, header.byteLength, 0) === header.byteLength ? header : undefined;
    },
    writeHeader: (descriptor, header) => void fs.writeSync(descriptor, header, 0, header.byteLength, 0),
    map(descriptor, bytes) {
      const address: number | bigint = mmap(0, bytes, PROT_READ_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor, 0);
      return Number(address) <= 0 || BigInt(address) >= 0xffff_ffff_ffff_f000n ? failed("mmap") : Number(address);
    },
    isMapped,
    view: (address, bytes) => koffi.view(address as never, bytes),
    commit(descriptor, at, bytes) {
      for (const end = at + bytes; at < end; at += COMMIT_BYTES) {
        // A signal, or being stopped and continued, says nothing about memory.
        while (fallocate(descriptor, 0, at, Math.min(COMMIT_BYTES, end - at)) !== 0)
          if (koffi.errno() !== EINTR) return false;
      }
      return true;
    },
    discard(descriptor, at, bytes) {
      fallocate(descriptor, FALLOC_KEEP_SIZE_PUNCH_HOLE, at, bytes);
    },
  };
}

function isMapped(descriptor: number, bytes: number, address: number): boolean {
  if (fs.fstatSync(descriptor).uid !== peers.user) return false;
  const range = `${address.toString(16)}-${(address + bytes).toString(16)}`;
  try {
    return fs.readlinkSync(`/proc/self/map_files/${range}`) === fs.readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    // Not every kernel has these links; all have the list, which takes longer.
    const { ino } = fs.statSync(`/proc/self/fd/${descriptor}`);
    const line = fs
      .readFileSync("/proc/self/maps", "latin1")
      .split("\n")
      .find((each) =>
        each.startsWith(
          `${range
            .split("-")
            .map((end) => end.padStart(8, "0"))
            .join("-")} `,
        ),
      );
    return line !== undefined && Number(line.split(/ +/)[4]) === ino;
  }
}
