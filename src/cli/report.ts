import pc from "picocolors";

const colours = pc.createColors(pc.isColorSupported && process.stderr.isTTY === true);

/** Lines on stderr, each one by itself; with `--json` objects. */
export class Report {
  readonly #json: boolean;
  /** What has to be off the terminal before a line is written, such as a progress bar. */
  clear: () => void = () => {};

  constructor(json: boolean) {
    this.#json = json;
  }

  error(message: string, details: Readonly<Record<string, unknown>> = {}): void {
    this.#line("error", message, details, colours.red);
  }

  warn(message: string, details: Readonly<Record<string, unknown>> = {}): void {
    this.#line("warning", message, details, colours.yellow);
  }

  note(message: string, details: Readonly<Record<string, unknown>> = {}): void {
    this.#line("note", message, details, (text) => text);
  }

  #line(
    level: string,
    message: string,
    details: Readonly<Record<string, unknown>>,
    colour: (text: string) => string,
  ): void {
    this.clear();
    process.stderr.write(
      this.#json ? `${JSON.stringify({ level, message, ...details })}\n` : `${colour("allcores:")} ${message}\n`,
    );
  }
}
