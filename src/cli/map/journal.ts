/**
 * What a run has done, so that another one goes on. A file of lines: first what was run, then a record for each item
 * that has ended, `[index, digest, 1 or 0, end of the output]`. A record is written after its output is on the disk.
 * So whatever a kill or a loss of power leaves, the output has at least what the records say, and is cut back to it. A
 * line that is torn, and all behind it, was never there.
 */
import { createReadStream } from "node:fs";
import { type FileHandle, open, readFile, rename } from "node:fs/promises";
import { CommandFailure } from "../command-failure.js";
import { EXIT } from "../exit-code.js";
import { KnownItems } from "./known-items.js";
import { textLines } from "./text-lines.js";
import { writeFailure } from "./write-failure.js";

/** What was run: a journal belongs to one combination of these. */
export interface JournalHead {
  readonly module: string;
  readonly export: string;
  /** Digest of the module's own file. */
  readonly source: string;
  readonly input: string;
  readonly lines: string;
  readonly order: string;
  readonly output: string;
}

export interface JournalRecord {
  readonly index: number;
  readonly digest: string;
  readonly isDone: boolean;
  /** Bytes of the output with this item's line. */
  end: number;
}

const FORMAT = "allcores journal 1";
const BEGINNING = `{"format":"${FORMAT}"`;
const WORDS: Readonly<Record<keyof JournalHead, string>> = {
  module: "the module",
  export: "the export",
  source: "the text of the module",
  input: "--input",
  lines: "--lines",
  order: "--as-completed",
  output: "--output",
};

export class Journal {
  readonly path: string;
  readonly known: KnownItems;
  /** Whether an earlier run has begun it. */
  readonly isResumed: boolean;
  /** To where the output counts. */
  readonly outputEnd: number;
  readonly #file: FileHandle;
  #end: number;

  private constructor(path: string, file: FileHandle, found: Found | undefined) {
    this.path = path;
    this.#file = file;
    this.known = found?.known ?? new KnownItems();
    this.isResumed = found !== undefined;
    this.outputEnd = found?.outputEnd ?? 0;
    this.#end = found?.bytes ?? 0;
  }

  /**
   * Opens or begins it. `outputSize`: bytes that the output has, undefined where it cannot be cut back. @throws
   * CommandFailure when it is of another run and not `force`
   */
  static async open(path: string, head: JournalHead, outputSize: number | undefined, force: boolean): Promise<Journal> {
    let file: FileHandle;
    try {
      file = await open(path, "r+").catch(() => open(path, "w+"));
    } catch (error) {
      throw writeFailure(path, error);
    }
    try {
      const stat = await file.stat();
      if (!stat.isFile()) throw new CommandFailure(EXIT.output, `${path} cannot be a journal: it is no regular file`);
      const found = stat.size === 0 ? undefined : await read(path, stat.size, outputSize);
      if (found !== undefined && !force) checkHead(path, found.head, head);
      await file.truncate(found?.bytes ?? 0);
      if (found !== undefined && differences(found.head, head).length > 0) {
        await replaceHead(path, found, head);
        await file.close();
        return await Journal.open(path, head, outputSize, false);
      }
      const journal = new Journal(path, file, found);
      if (found === undefined) await journal.#write(headLine(head));
      await journal.sync();
      return journal;
    } catch (error) {
      await file.close().catch(() => {});
      throw error instanceof CommandFailure ? error : writeFailure(path, error);
    }
  }

  async append(records: readonly JournalRecord[]): Promise<void> {
    try {
      await this.#write(
        records.map(({ index, digest, isDone, end }) => `[${index},"${digest}",${isDone ? 1 : 0},${end}]\n`).join(""),
      );
    } catch (error) {
      throw writeFailure(this.path, error);
    }
  }

  async sync(): Promise<void> {
    try {
      await this.#file.datasync();
    } catch (error) {
      throw writeFailure(this.path, error);
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #write(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at, this.#end);
      at += bytesWritten;
      this.#end += bytesWritten;
    }
  }
}

interface Found {
  readonly head: JournalHead;
  readonly headBytes: number;
  readonly known: KnownItems;
  readonly outputEnd: number;
  /** What of the file counts. */
  readonly bytes: number;
}

/** Undefined: the head itself was not written whole, so nothing was done yet. */
async function read(path: string, size: number, outputSize = Number.POSITIVE_INFINITY): Promise<Found | undefined> {
  const known = new KnownItems();
  let head: JournalHead | undefined;
  let outputEnd = 0;
  let [bytes, headBytes] = [0, 0];
  for await (const line of textLines(createReadStream(path), "\n")) {
    const after = bytes + Buffer.byteLength(line) + 1;
    if (head === undefined) {
      // Torn within its first write.
      if (after > size && BEGINNING.startsWith(line.slice(0, BEGINNING.length))) return undefined;
      headBytes = after;
      head = headOf(path, line);
    } else {
      const record = after > size ? undefined : recordOf(line);
      if (record === undefined || record.end > outputSize) break;
      known.set(record.index, record.digest, record.isDone);
      outputEnd = record.end;
    }
    bytes = after;
  }
  return head && { head, headBytes, known, outputEnd, bytes };
}

function headOf(path: string, line: string): JournalHead {
  try {
    const { format, ...head } = JSON.parse(line) as JournalHead & { format?: string };
    if (format === FORMAT) return head;
  } catch {
    // It is said below.
  }
  throw noJournal(path);
}

function noJournal(path: string): CommandFailure {
  return new CommandFailure(EXIT.journal, `${path} is no journal of allcores map: give another file, or remove it`);
}

function recordOf(line: string): JournalRecord | undefined {
  const [, index, digest, isDone, end] = /^\[(\d+),"([0-9a-f]{16})",([01]),(\d+)\]$/.exec(line) ?? [];
  return end === undefined
    ? undefined
    : { index: Number(index), digest: digest!, isDone: isDone === "1", end: Number(end) };
}

function headLine(head: JournalHead): string {
  return `${JSON.stringify({ format: FORMAT, ...head })}\n`;
}

function differences(was: JournalHead, is: JournalHead): string[] {
  const changed = (Object.keys(WORDS) as (keyof JournalHead)[]).filter((name) => was[name] !== is[name]);
  return changed.map((name) =>
    name === "source" ? `${WORDS.source} has changed` : `${WORDS[name]} was ${was[name]} and is ${is[name]}`,
  );
}

function checkHead(path: string, was: JournalHead, is: JournalHead): void {
  const found = differences(was, is);
  if (found.length === 0) return;
  throw new CommandFailure(
    EXIT.journal,
    `${path} is of another run: ${found.join("; ")}. --force goes on all the same, another journal begins anew`,
  );
}

/** The records stay; whatever happens meanwhile, one of both files is whole. */
async function replaceHead(path: string, { headBytes, bytes }: Found, head: JournalHead): Promise<void> {
  const records = (await readFile(path)).subarray(headBytes, bytes);
  const replacement = await open(`${path}.new`, "w");
  try {
    await replacement.writeFile(Buffer.concat([Buffer.from(headLine(head)), records]));
    await replacement.datasync();
  } finally {
    await replacement.close();
  }
  await rename(`${path}.new`, path);
}
