import type * as Koffi from "koffi";
import { OutOfMemoryError } from "../../errors/index.js";
import { isOutOfDescriptors, outOfDescriptors } from "../descriptors.js";
import { loadKoffi } from "../koffi.js";

/**
 * The C library that this process has loaded already: glibc's file has another name than musl's. Each file here
 * declares the calls that it needs.
 */
export interface Libc {
  readonly koffi: typeof Koffi;
  /** Declares a function. */
  readonly call: (signature: string) => ReturnType<Koffi.LibraryHandle["func"]>;
  /** Throws what a call that gives memory failed with. */
  failed(call: string, errno?: number): never;
  close(descriptor: number): void;
}

export function loadLibc(): Libc {
  const koffi = loadKoffi();
  const library = koffi.load(null);
  const close = library.func("int close(int fd)");
  return {
    koffi,
    call: (signature) => library.func(signature),
    failed(call, errno = koffi.errno()) {
      if (isOutOfDescriptors(errno)) throw outOfDescriptors("memory to share between processes");
      throw new OutOfMemoryError(
        `${call} failed (errno ${errno}): the system gave no memory to share between processes`,
      );
    },
    close: (descriptor) => void close(descriptor),
  };
}
