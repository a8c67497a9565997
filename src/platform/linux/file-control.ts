import type { Libc } from "./libc.js";

const F_GETFL = 3;
const F_SETFL = 4;

/** `fcntl`, and the flags of an open file. */
export interface FileControl {
  readonly O_NONBLOCK: number;
  fcntl(descriptor: number, command: number, argument: number): number;
  addFlags(descriptor: number, flags: number): void;
}

export function fileControl({ call }: Libc): FileControl {
  const fcntl: FileControl["fcntl"] = call("int fcntl(int fd, int command, long argument)");
  return {
    O_NONBLOCK: 0o4000,
    fcntl,
    addFlags: (descriptor, flags) => void fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL, 0) | flags),
  };
}
