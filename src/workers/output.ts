/**
 * What a worker thread prints, written at once. Node carries a thread's output through the main thread's loop, so it stays invisible while that is blocked.
 */
import fs from "node:fs";
import { atomics } from "../memory/index.js";

export function printDirectly(): void {
  direct(process.stdout, 1);
  direct(process.stderr, 2);
}

function direct(stream: NodeJS.WriteStream, descriptor: number): void {
  stream._write = (chunk: Buffer | string, encoding: BufferEncoding, done: (error?: Error | null) => void) => {
    try {
      writeFully(descriptor, typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk);
      done();
    } catch (error) {
      done(error as Error);
    }
  };
  stream._writev = (chunks, done) => {
    try {
      for (const { chunk, encoding } of chunks) writeFully(descriptor, typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk);
      done();
    } catch (error) {
      done(error as Error);
    }
  };
}

/** Writes all of it, now. What nobody reads is dropped. */
export function writeFully(descriptor: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) {
    try {
      written += fs.writeSync(descriptor, bytes, written);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Nobody reads any more: as Node does, the output is dropped.
      if (code === "EPIPE") return;
      if (code !== "EAGAIN") throw error;
      atomics.pause(1);
    }
  }
}
