/**
 * Lifelines: a pipe that nothing is ever written to. The kernel kills a child as soon as the parent's end is closed.
 */
import fs from "node:fs";
import { isOutOfDescriptors, outOfDescriptors } from "../descriptors.js";
import type { Lifeline } from "../contract.js";
import type { FileControl } from "./file-control.js";
import type { Libc } from "./libc.js";
import type { MakePipe } from "./pipe.js";

const O_ASYNC = 0o20000;
const F_SETOWN = 8;
const F_SETSIG = 10;
const SIGKILL = 9;

export function lifeline(
  { close, failed }: Libc,
  makePipe: MakePipe,
  { fcntl, addFlags, O_NONBLOCK }: FileControl,
): Lifeline {
  // SIGIO's place taken by SIGKILL: unlike PR_SET_PDEATHSIG it follows the parent process, not the thread that spawned
  // the child. Kept with the open file, which parent and child share.
  const killWhenClosed = (childs: number, pid: number): void => {
    fcntl(childs, F_SETOWN, pid);
    fcntl(childs, F_SETSIG, SIGKILL);
    addFlags(childs, O_ASYNC | O_NONBLOCK);
  };
  return {
    create() {
      const [childs, writes] = makePipe() ?? failed("pipe2");
      try {
        // Opened by Node, which closes it when the thread that did so ends: a child whose handle is gone ends too.
        return {
          childs,
          parents: fs.openSync(`/proc/self/fd/${writes}`, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK),
        };
      } catch (error) {
        close(childs);
        throw isOutOfDescriptors(error) ? outOfDescriptors("another process", error) : error;
      } finally {
        close(writes);
      }
    },
    killWhenClosed,
    dieWhenClosed(childs) {
      killWhenClosed(childs, process.pid);
      // Closed before the line above, it sends nothing any more: it is at its end then. Asking for the parent's pid
      // instead leaves a gap, since a process that ends closes its descriptors first and hands its children over later.
      try {
        return fs.readSync(childs, Buffer.alloc(1)) > 0;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code === "EAGAIN";
      }
    },
  };
}
