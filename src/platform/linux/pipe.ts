import type { Libc } from "./libc.js";

/** Of `pipe2` and `open`, on all processors that futex.ts knows. */
export const O_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;

/**
 * A new pipe, non-blocking, closed in children that are not given it: the end that is read, and the one that is written
 * to. Undefined when there is none to be had.
 */
export type MakePipe = () => [reads: number, writes: number] | undefined;

export function pipes({ call }: Libc): MakePipe {
  const pipe2 = call("int pipe2(void *descriptors, int flags)");
  return () => {
    const ends = new Int32Array(2);
    return pipe2(ends, O_NONBLOCK_CLOEXEC) === 0 ? [ends[0]!, ends[1]!] : undefined;
  };
}
