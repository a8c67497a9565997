import type { Command } from "commander";
import type { Finish } from "../exit-code.js";

/** `allcores tour` and `allcores bench`. */
export function comparisonCommands(_finish: Finish): Command[] {
  return [];
}
