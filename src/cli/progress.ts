import cliProgress from "cli-progress";
import { realNow } from "../memory/clock.js";
import { spoken } from "./duration.js";

/** Between plain lines, where stderr is no terminal. */
const LINE_EVERY_MS = 5000;
const BEGIN_AFTER_MS = 500;

/** How far a run is: a bar with rate and time to go in a terminal, else a line from time to time. */
export class Progress {
  readonly #bar: cliProgress.SingleBar | undefined;
  readonly #total: number | undefined;
  readonly #noun: string;
  readonly #began = realNow();
  #isShown = false;
  #done = 0;
  #failed = 0;

  /**
   * `wanted`: undefined is only in a terminal. `total`: undefined while nobody knows it. `noun`: what is counted, in
   * the plural.
   */
  constructor(wanted: boolean | undefined, total: number | undefined, noun = "items") {
    this.#total = total;
    this.#noun = noun;
    const isTerminal = process.stderr.isTTY === true;
    if (wanted === false || (wanted === undefined && !isTerminal)) return;
    this.#bar = new cliProgress.SingleBar({
      stream: process.stderr,
      noTTYOutput: true,
      notTTYSchedule: LINE_EVERY_MS,
      hideCursor: true,
      clearOnComplete: true,
      barsize: 30,
      fps: 10,
      format: (_options, { value }) => this.#text(value, isTerminal),
    });
  }

  /** `failed`: whether the item that has ended has failed. */
  ended(failed: boolean): void {
    this.#done++;
    if (failed) this.#failed++;
    if (this.#bar === undefined) return;
    if (!this.#isShown && realNow() - this.#began > BEGIN_AFTER_MS) {
      this.#bar.start(this.#total ?? 0, 0);
      this.#isShown = true;
    }
    if (this.#isShown) this.#bar.update(this.#done);
  }

  stop(): void {
    if (this.#isShown) this.#bar?.stop();
    this.#isShown = false;
  }

  /** Takes the bar off the line, which something else is to be written on; it comes back by itself. */
  clear(): void {
    if (this.#isShown && process.stderr.isTTY === true) process.stderr.write("\r\x1b[K");
  }

  #text(value: number, isTerminal: boolean): string {
    const passed = realNow() - this.#began;
    const rate = (1000 * value) / passed;
    const failed = this.#failed > 0 ? `, ${this.#failed} failed` : "";
    const counts = `${value}${this.#total === undefined ? "" : ` of ${this.#total}`} ${this.#noun}${failed}, ${rate < 10 ? rate.toFixed(1) : Math.round(rate)}/s`;
    if (this.#total === undefined) return `${counts}, ${spoken(passed)}`;
    const left = rate > 0 ? `, ${spoken((1000 * (this.#total - value)) / rate)} to go` : "";
    const filled = Math.round((30 * value) / this.#total);
    return isTerminal
      ? `${"█".repeat(filled)}${"░".repeat(30 - filled)} ${counts}${left}`
      : `${Math.floor((100 * value) / this.#total)} %, ${counts}${left}`;
  }
}
