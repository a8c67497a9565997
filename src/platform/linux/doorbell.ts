/**
 * Doorbells: a loop's is an anonymous pipe that other processes reopen through /proc, since neither eventfds nor
 * sockets can be reopened so. What it publishes is the pipe's descriptor, and the inode by which a descriptor number
 * that was given again is told from it.
 */
import fs from "node:fs";
import type net from "node:net";
import type { Doorbells } from "../contract.js";
import type { Libc } from "./libc.js";
import { type MakePipe, O_NONBLOCK_CLOEXEC } from "./pipe.js";

const O_RDWR = 2;
const RING = Buffer.from([1]);

export function doorbells({ call, close }: Libc, makePipe: MakePipe): Doorbells {
  const open = call("int open(const char *path, int flags)");
  /** Both ends behind one descriptor, so that it never reports an end. */
  const pipe = (): number | undefined => {
    const ends = makePipe();
    if (ends === undefined) return undefined;
    const both = open(`/proc/self/fd/${ends[0]}`, O_RDWR | O_NONBLOCK_CLOEXEC);
    close(ends[0]);
    close(ends[1]);
    return both < 0 ? undefined : both;
  };
  return {
    install(_heap, _slot, onRing) {
      const fd = pipe();
      if (fd === undefined) return undefined;
      // Loaded here: a worker that never awaits across processes starts faster without it.
      const { Socket } = process.getBuiltinModule("node:net");
      const options = { fd, readable: true, writable: false, onread: { buffer: Buffer.alloc(64), callback: onRing } };
      const socket = new Socket(options as net.SocketConstructorOpts);
      socket.unref();
      const installed = { word: fd + 1, mark: fs.fstatSync(fd).ino | 0, socket };
      return installed;
    },
    open({ pid, word, mark }) {
      let descriptor: number;
      try {
        descriptor = fs.openSync(`/proc/${pid}/fd/${word - 1}`, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK);
      } catch {
        return undefined;
      }
      // A worker that ended meanwhile may have left its descriptor number to something else.
      const file = fs.fstatSync(descriptor);
      if (!file.isFIFO() || (file.ino | 0) !== mark) {
        fs.closeSync(descriptor);
        return undefined;
      }
      return {
        ring() {
          try {
            fs.writeSync(descriptor, RING);
          } catch {
            // EAGAIN: it is ringing already. EPIPE: nobody is left to hear it.
          }
        },
        close: () => fs.closeSync(descriptor),
      };
    },
  };
}
