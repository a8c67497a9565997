/** Where results are written: a file, which can be cut back, or stdout, which cannot. */
import { type FileHandle, open } from "node:fs/promises";
import { writeFailure } from "./write-failure.js";

export interface Output {
  readonly name: string;
  /** Bytes that it has, as far as they are known to be written. */
  readonly end: number;
  write(text: string): Promise<void>;
  /** From here on what was written survives a loss of power. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export class FileOutput implements Output {
  readonly name: string;
  readonly #file: FileHandle;
  readonly #isRegular: boolean;
  #end: number;

  private constructor(name: string, file: FileHandle, isRegular: boolean, end: number) {
    this.name = name;
    this.#file = file;
    this.#isRegular = isRegular;
    this.#end = end;
  }

  /** `keeps`: what is in the file stays until it is cut. */
  static async open(path: string, keeps: boolean): Promise<FileOutput> {
    try {
      const file = keeps ? await open(path, "r+").catch(() => open(path, "w+")) : await open(path, "w");
      const stat = await file.stat();
      return new FileOutput(path, file, stat.isFile(), stat.isFile() ? stat.size : 0);
    } catch (error) {
      throw writeFailure(path, error);
    }
  }

  get end(): number {
    return this.#end;
  }
  /** Undefined for what is no regular file, such as a pipe with a name. */
  get size(): number | undefined {
    return this.#isRegular ? this.#end : undefined;
  }

  async cut(bytes: number): Promise<void> {
    if (!this.#isRegular) return;
    await this.#file.truncate(bytes);
    this.#end = bytes;
  }

  async write(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    try {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(
          bytes,
          at,
          bytes.length - at,
          this.#isRegular ? this.#end : null,
        );
        at += bytesWritten;
        this.#end += bytesWritten;
      }
    } catch (error) {
      throw writeFailure(this.name, error);
    }
  }

  async sync(): Promise<void> {
    if (!this.#isRegular) return;
    try {
      await this.#file.datasync();
    } catch (error) {
      throw writeFailure(this.name, error);
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

export class StandardOutput implements Output {
  readonly name = "stdout";
  #end = 0;

  get end(): number {
    return this.#end;
  }

  async write(text: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(text, (error) => (error ? reject(writeFailure("stdout", error)) : resolve()));
    });
    this.#end += Buffer.byteLength(text);
  }

  async sync(): Promise<void> {}

  async close(): Promise<void> {}
}
