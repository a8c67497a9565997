/**
 * The lock under which the programs of one user find their machine's memory, or make it. It is the kernel's (`flock`),
 * which gives it back when its holder dies, on an empty file that only this user may open. The file may stay: it is
 * found by its owner and its name, `allcores-lock-<user id>-<random>`, in a folder that every user may write to.
 *
 * Nobody else can keep the lock or the file from this user. Other users' files of such names are passed over, so are
 * symbolic links, and a random name cannot be taken beforehand. Should there be more files than one, as when two
 * programs make the first at once, each program locks all of them, and looks again whether they are still all. Of two
 * programs that each made one, the one that looked last has seen the other's; so two never have the lock at once.
 * Rejected: the lock of a directory that exists anyway (every user can keep it who may read it); a fixed name in /tmp
 * (the first user to make it has it); the name of a socket (likewise, and not to be had without waiting);
 * XDG_RUNTIME_DIR or TMPDIR (programs of one user with other environments would not meet).
 */
import fs from "node:fs";
import { AttachError, PlatformError } from "../../errors/index.js";
import type { MachineLock, MachineLocks } from "../contract.js";
import { isOutOfDescriptors, outOfDescriptors } from "../descriptors.js";
import type { LockPatience } from "../lock-patience.js";
import { checkPermission, readingIn, writingIn } from "../permission.js";
import type { Libc } from "./libc.js";
import type { OwnerOnly } from "./owner-only.js";

/** Not of the environment. The first lasts as long as the memory: until the machine starts anew. */
const FOLDERS = ["/dev/shm", "/tmp", "/var/tmp"];
const LOCK_SH_NB = 1 | 4;
const LOCK_EX_NB = 2 | 4;
const EWOULDBLOCK = 11;
const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = fs.constants;

export function machineLocks({ koffi, call }: Libc, keepToOwner: OwnerOnly): MachineLocks {
  /** Without waiting; false while another has it. It goes with the descriptor. */
  const flock = (descriptor: number, alone: boolean): boolean => {
    // Declared here: few programs need it.
    const lock = call("int flock(int fd, int operation)");
    if (lock(descriptor, alone ? LOCK_EX_NB : LOCK_SH_NB) === 0) return true;
    const errno = koffi.errno();
    if (errno === EWOULDBLOCK) return false;
    throw new PlatformError(`flock failed (errno ${errno}): the kernel gives no lock on this file`);
  };
  const isLocked = (descriptor: number, alone: boolean, patience: LockPatience): boolean => {
    while (!flock(descriptor, alone)) if (!patience.nap()) return false;
    return true;
  };
  return {
    take(alone, patience) {
      // A program that sees other folders than another would make a second memory.
      checkPermission(
        "memory that the programs of this machine share",
        FOLDERS.flatMap((folder) => [readingIn(folder), writingIn(folder)]),
      );
      for (;;) {
        const files = lockFiles(keepToOwner);
        let isKept = false;
        try {
          const areLocked = files.every(({ descriptor }) => isLocked(descriptor, alone, patience));
          if (!areLocked || isStillAll(files)) {
            isKept = true;
            return new FileLock(files, areLocked);
          }
        } finally {
          if (!isKept) closeAll(files);
        }
      }
    },
  };
}

class FileLock implements MachineLock {
  readonly isHeld: boolean;
  readonly #files: readonly LockFile[];

  constructor(files: readonly LockFile[], isHeld: boolean) {
    this.#files = files;
    this.isHeld = isHeld;
  }

  kept(): AttachError {
    return new AttachError(
      `the memory that the programs of this machine share cannot be made: another program of this user keeps the lock on ${this.#files.map(({ path }) => path).join(" and ")} (flock). It may have been stopped; see lslocks`,
    );
  }

  [Symbol.dispose](): void {
    closeAll(this.#files);
  }
}

interface LockFile {
  readonly path: string;
  readonly inode: string;
  readonly descriptor: number;
}

/** What this user has of such files, open, in the same order in every program. One is made if there is none. */
function lockFiles(keepToOwner: OwnerOnly): LockFile[] {
  const files = openFiles();
  if (files.length > 0) return files;
  makeFile(keepToOwner);
  return openFiles();
}

function isStillAll(files: readonly LockFile[]): boolean {
  const now = openFiles();
  closeAll(now);
  return now.length > 0 && now.map(({ inode }) => inode).join() === files.map(({ inode }) => inode).join();
}

function closeAll(files: readonly LockFile[]): void {
  for (const { descriptor } of files) fs.closeSync(descriptor);
}

function nameOfUser(): string {
  return `allcores-lock-${process.geteuid!()}-`;
}

function openFiles(): LockFile[] {
  const files = new Map<string, LockFile>();
  for (const folder of FOLDERS) {
    for (const name of namesIn(folder)) {
      const path = `${folder}/${name}`;
      const file = openFile(path);
      if (file === undefined) continue;
      // A second name of one file: two of its descriptors would keep each other from the lock.
      if (files.has(file.inode)) fs.closeSync(file.descriptor);
      else files.set(file.inode, file);
    }
  }
  return [...files.values()].sort((a, b) => (a.inode < b.inode ? -1 : 1));
}

function namesIn(folder: string): string[] {
  try {
    return fs.readdirSync(folder).filter((name) => name.startsWith(nameOfUser()));
  } catch (error) {
    if (isOutOfDescriptors(error))
      throw outOfDescriptors("the lock on the memory that the programs of this machine share", error);
    return [];
  }
}

/** Undefined where somebody else has put something, or somebody else might open it too. */
function openFile(path: string): LockFile | undefined {
  let descriptor: number;
  try {
    if (!isOurs(fs.lstatSync(path))) return undefined;
    descriptor = fs.openSync(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (isOutOfDescriptors(error))
      throw outOfDescriptors("the lock on the memory that the programs of this machine share", error);
    return undefined;
  }
  // By now another may be there.
  const stats = fs.fstatSync(descriptor);
  if (isOurs(stats)) return { path, inode: `${stats.dev}:${stats.ino}`, descriptor };
  fs.closeSync(descriptor);
  return undefined;
}

function isOurs(stats: fs.Stats): boolean {
  return stats.isFile() && stats.uid === process.geteuid!() && (stats.mode & 0o777) === 0o600 && stats.size === 0;
}

function makeFile(keepToOwner: OwnerOnly): void {
  const random = process.getBuiltinModule("node:crypto").randomBytes(8).toString("hex");
  const failures: string[] = [];
  for (const folder of FOLDERS) {
    try {
      const descriptor = fs.openSync(
        `${folder}/${nameOfUser()}${random}`,
        O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR,
        0o600,
      );
      // Whatever the umask says.
      keepToOwner(descriptor);
      fs.closeSync(descriptor);
      return;
    } catch (error) {
      if (isOutOfDescriptors(error))
        throw outOfDescriptors("the lock on the memory that the programs of this machine share", error);
      failures.push(`${folder} (${(error as NodeJS.ErrnoException).code})`);
    }
  }
  throw new AttachError(
    `the memory that the programs of this machine share needs a lock, an empty file ${nameOfUser()}… in one of these folders, and none of them takes it: ${failures.join(", ")}`,
  );
}
