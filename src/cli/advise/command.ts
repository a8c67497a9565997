import { Command, Option } from "commander";
import { duration, wholeNumberFrom } from "../duration.js";
import type { Finish } from "../exit-code.js";
import { INPUT_FORMS } from "../map/map-settings.js";
import type { AdviseSettings } from "./advise-settings.js";

const HELP = `
The function really runs, on some of the inputs: what it writes is written. stderr says beforehand how many, and how
often each at most. --once runs each a single time, and the answer is less certain. All of it is killed when the budget
ends.

The answer is for the number of inputs that are given, or for --total. Of inputs without an end the first 10000 are
looked at.

Examples:
  allcores advise ./hash.js --glob 'src/**/*.js'
  allcores advise ./mail.js#send --once --file addresses.txt
  allcores advise ./parse.js#parse --input ndjson --budget 10s --total 5000000 < events.ndjson
  allcores advise ./hash.js a.txt b.txt c.txt --json

Exit codes: allcores explain 1, and so on; they stand in allcores --help.`;

interface Given extends Omit<AdviseSettings, "globs" | "files" | "once" | "json"> {
  readonly glob?: string[];
  readonly file?: string[];
  readonly once?: boolean;
  readonly json?: boolean;
}

/** `allcores advise MODULE#EXPORT INPUT…`. */
export function adviseCommand(finish: Finish): Command {
  const several = (value: string, before: string[] = []): string[] => [...before, value];
  return new Command("advise")
    .summary("which model suits a function, measured on its own inputs")
    .description(
      "Runs a function that a module exports on some of its inputs, and says whether threads, processes or async suit it here, and why.",
    )
    .argument(
      "<MODULE#EXPORT>",
      "the module, .js or .ts, and its exported function; the default export without #EXPORT",
    )
    .argument("[INPUT...]", "items; stdin is read where there are neither inputs nor --glob nor --file")
    .option("--budget <time>", "for all runs together, as in 500ms, 10s", duration, 2000)
    .option("--once", "run no input twice")
    .option("--sample <n>", "most inputs that are run; 12 unless given", wholeNumberFrom(1))
    .option("--total <n>", "how many items there will be; as many as inputs unless given", wholeNumberFrom(1))
    .option("--workers <n>", "most workers that are considered; four for each core unless given", wholeNumberFrom(1))
    .addOption(new Option("--input <form>", "what a line of stdin or --file is").choices(INPUT_FORMS).default("lines"))
    .option("--glob <pattern>", "each path that matches is an item; may be repeated", several)
    .option("--file <path>", "each line of the file is an item; may be repeated", several)
    .option("--json", "print JSON, for programs")
    .addHelpText("after", HELP)
    .action(
      async (
        reference: string,
        inputs: string[],
        { glob = [], file = [], once = false, json = false, ...given }: Given,
      ) => {
        const { adviseOn } = await import("./advise.js");
        finish(await adviseOn(reference, inputs, { ...given, globs: glob, files: file, once, json }));
      },
    );
}
