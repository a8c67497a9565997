/**
 * What Node's permission model (`--permission`, in Node 20 `--experimental-permission`) may withhold, and the flag that
 * grants it. It is asked for before anything is made, so that the error names every flag that is missing. Without this,
 * the first call of the system that Node refuses would fail, each time another one, and half way.
 */
import { PermissionError } from "../errors/index.js";

/** Something that Node may withhold from a program. */
export interface PermissionNeed {
  readonly flag: string;
  isGranted(permission: NonNullable<typeof process.permission>): boolean;
}

export const THREADS: PermissionNeed = { flag: "--allow-worker", isGranted: (permission) => permission.has("worker") };
export const CHILDREN: PermissionNeed = {
  flag: "--allow-child-process",
  isGranted: (permission) => permission.has("child"),
};

export const loadingAddons: PermissionNeed = { flag: "--allow-addons", isGranted: loadsAddons };

export function readingIn(folder: string): PermissionNeed {
  return {
    flag: `--allow-fs-read=${folder}/*`,
    isGranted: (permission) => permission.has("fs.read", `${folder}/${ANY_FILE}`),
  };
}

export function writingIn(folder: string): PermissionNeed {
  return {
    flag: `--allow-fs-write=${folder}/*`,
    isGranted: (permission) => permission.has("fs.write", `${folder}/${ANY_FILE}`),
  };
}

/** A name that no flag names itself: it is granted where the whole folder is. */
const ANY_FILE = "allcores";

/** @throws PermissionError, naming the flags that are missing for `what` */
export function checkPermission(what: string, needs: readonly PermissionNeed[]): void {
  const { permission } = process;
  // In an audit Node refuses nothing.
  if (permission === undefined || process.execArgv.includes("--permission-audit")) return;
  const flags = needs.filter((need) => !need.isGranted(permission)).map(({ flag }) => flag);
  if (flags.length > 0)
    throw new PermissionError(
      `Node's permission model withholds what ${what} needs: start this program with ${flags.join(" ")} too`,
      flags,
    );
}

/** Node 20 tells it by the attempt only, which it refuses before it looks for the file. */
function loadsAddons(): boolean {
  try {
    process.dlopen({ exports: {} }, "/dev/null/none.node");
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ERR_DLOPEN_DISABLED";
  }
  return true;
}
