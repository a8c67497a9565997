import { CommandFailure, firstLine } from "../command-failure.js";
import { EXIT } from "../exit-code.js";

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the quota of this user is used up",
  EFBIG: "the file is as large as a file may be",
  EROFS: "it is on a file system that is read-only",
  EACCES: "this user may not write it",
  ENOENT: "its folder does not exist",
  EISDIR: "it is a folder",
};

/** What a failed write of `name` means to the user. Nobody reads on: a quiet end. */
export function writeFailure(name: string, error: unknown): CommandFailure {
  const { code = "" } = error as NodeJS.ErrnoException;
  if (code === "EPIPE") return new CommandFailure(EXIT.brokenPipe, "nobody reads stdout any more");
  return new CommandFailure(
    EXIT.output,
    `${name} cannot be written: ${REASONS[code] === undefined ? firstLine(error) : `${REASONS[code]} (${code})`}`,
  );
}
