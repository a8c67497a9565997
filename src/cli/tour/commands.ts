import { writeFileSync } from "node:fs";
import { Command } from "commander";
import { wholeNumberFrom } from "../duration.js";
import { EXIT, type Finish } from "../exit-code.js";
import { writeFailure } from "../map/write-failure.js";

interface Given {
  readonly runs?: number;
  readonly html?: string;
  readonly json?: boolean;
}

/** `allcores tour` and `allcores bench`: the same comparison, once to be read, and as a measurement. */
export function comparisonCommands(finish: Finish): Command[] {
  const tour = new Command("tour")
    .summary("async, threads and processes compared on this machine, in under a minute")
    .description(
      "Does work that waits and work that computes in six ways on this machine, and says what follows from the figures.",
    )
    .option("--json", "print JSON, for programs")
    .addHelpText("after", "\nExamples:\n  allcores tour")
    .action(async (given: Given) => {
      await run({ ...given, runs: 1 });
      finish(EXIT.done);
    });
  const bench = new Command("bench")
    .summary("the same comparison, measured several times")
    .description("Measures the comparison of `allcores tour` several times in turns, and takes the medians.")
    .option("--runs <n>", "how often each is measured", wholeNumberFrom(1), 3)
    .option("--html <file>", "write it as a page too")
    .option("--json", "print JSON, for programs")
    .addHelpText("after", "\nExamples:\n  allcores bench --html comparison.html\n  allcores bench --runs 5 --json")
    .action(async (given: Given) => {
      await run(given);
      finish(EXIT.done);
    });
  return [tour, bench];
}

async function run({ runs = 1, html, json }: Given): Promise<void> {
  const [{ compare, STEPS }, { portrayComparison }, { Progress }] = await Promise.all([
    import("./comparison.js"),
    import("./chart.js"),
    import("../progress.js"),
  ]);
  const progress = new Progress(undefined, runs * STEPS, "steps");
  const comparison = await compare(runs, () => progress.ended(false));
  progress.stop();
  if (html !== undefined) {
    const { page } = await import("./html.js");
    try {
      writeFileSync(html, page(comparison));
    } catch (error) {
      throw writeFailure(html, error);
    }
  }
  console.log(json === true ? JSON.stringify(comparison) : portrayComparison(comparison));
}
