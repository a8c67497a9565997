import { PlatformError } from "../../errors/index.js";
import type { Libc } from "./libc.js";

/**
 * Lets only this user open a file, whatever the umask. Not by Node's `fchmod`, which its permission model refuses to
 * everybody.
 */
export type OwnerOnly = (descriptor: number) => void;

export function ownerOnly({ koffi, call }: Libc): OwnerOnly {
  const fchmod = call("int fchmod(int fd, unsigned int mode)");
  return (descriptor) => {
    if (fchmod(descriptor, 0o600) !== 0)
      throw new PlatformError(
        `fchmod failed (errno ${koffi.errno()}): the kernel does not close this file to other users`,
      );
  };
}
