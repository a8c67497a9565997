/** Processes that may share memory with this one: of its user, in its pid namespace. */
import fs from "node:fs";
import type { Peers } from "../contract.js";

let namespace: number | undefined;

export const peers: Peers = {
  get user() {
    return process.geteuid!();
  },
  /** Inode of this process's pid namespace, 0 where /proc does not tell. */
  get namespace() {
    try {
      return (namespace ??= fs.statSync("/proc/self/ns/pid").ino | 0);
    } catch {
      return 0;
    }
  },
  /** Not with file capabilities or another user's rights. */
  get areLetIn() {
    return fs.statSync("/proc/self/fd").uid === process.geteuid!();
  },
};
