/** What children inherit: descriptors, which name the same open files there. */
import fs from "node:fs";
import type { HandOver } from "../contract.js";
import type { FileControl } from "./file-control.js";
import type { Libc } from "./libc.js";
import type { CreateFile } from "./memory.js";

export function handOver({ close }: Libc, createFile: CreateFile, { addFlags, O_NONBLOCK }: FileControl): HandOver {
  return {
    ofMemory: (memory) => memory,
    memory: (descriptor) => descriptor,
    codeFile(parts) {
      const descriptor = createFile(
        "allcores-code",
        parts.reduce((bytes, part) => bytes + part.length, 0),
      );
      try {
        let at = 0;
        for (const part of parts) {
          fs.writeSync(descriptor, part, 0, part.length, at);
          at += part.length;
        }
      } catch (error) {
        fs.closeSync(descriptor);
        throw error;
      }
      return descriptor;
    },
    neverBlock: (descriptor) => addFlags(descriptor, O_NONBLOCK),
    close,
  };
}
