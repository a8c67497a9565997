/**
 * What a worker prints, written at once and whole. Node carries a thread's output through the main thread's loop, so it
 * stays invisible while that is blocked; a process whose pipe is full keeps the rest in its own memory, where it is
 * lost when the process ends. Written here and now it waits for its reader, as a print in Python does, and nothing is
 * ever pending: no way out has anything to wait for, and a kill loses at most the text that is being written.
 */
import fs from "node:fs";
import { atomics } from "../memory/index.js";

/** Longest sleep of a writer whose reader is slow. */
const LONGEST_NAP_MS = 16;

const streams: NodeJS.WriteStream[] = [];

/** In a thread, whose streams are there already. */
export function printDirectly(): void {
  direct(process.stdout, 1);
  direct(process.stderr, 2);
}

/**
 * In a process, whose streams are made when they are first asked for: a worker that prints nothing does without them.
 */
export function printDirectlyOnceUsed(): void {
  for (const [name, descriptor] of [["stdout", 1] as const, ["stderr", 2] as const]) {
    const { get, ...rest } = Object.getOwnPropertyDescriptor(process, name)!;
    let stream: NodeJS.WriteStream | undefined;
    Object.defineProperty(process, name, {
      ...rest,
      get: () => {
        if (stream === undefined) direct((stream = get!.call(process) as NodeJS.WriteStream), descriptor);
        return stream;
      },
    });
  }
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
      for (const { chunk, encoding } of chunks)
        writeFully(descriptor, typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk);
      done();
    } catch (error) {
      done(error as Error);
    }
  };
  if (streams.push(stream) === 1) process.on("exit", flush);
}

/** What a task holds back by `cork()` was written too. */
export function flush(): void {
  for (const stream of streams) while (stream.writableCorked > 0) stream.uncork();
}

/** Writes all of it, now. What nobody reads is dropped. */
export function writeFully(descriptor: number, bytes: Uint8Array): void {
  let nap = 1;
  for (let written = 0; written < bytes.length; ) {
    try {
      written += fs.writeSync(descriptor, bytes, written);
      nap = 1;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Nobody reads any more, or the terminal was closed: as Node does, the output is dropped.
      if (code === "EPIPE" || (code === "EIO" && process.getBuiltinModule("node:tty").isatty(descriptor))) return;
      if (code !== "EAGAIN") throw error;
      atomics.pause(nap);
      nap = Math.min(2 * nap, LONGEST_NAP_MS);
    }
  }
}
