import { Command, InvalidArgumentError, Option } from "commander";
import { duration, wholeNumberFrom } from "../duration.js";
import type { Finish } from "../exit-code.js";
import {
  AT_FIRST,
  type Halt,
  haltOf,
  INPUT_FORMS,
  LINE_FORMS,
  type MapSettings,
  MODELS,
  NEVER,
  ON_ERROR,
} from "./map-settings.js";

const HELP = `
Inputs are the INPUT arguments, the paths of --glob, the lines of --file, or the lines of stdin, each of which is one
item. A dash alone is stdin. A task gets a text; with --input ndjson the value of its line.

Results go to stdout or to --output, one line of JSON for each item, in the order of the inputs or --as-completed. What
tasks print to stdout themselves comes between them; --output keeps them apart.

Models: threads are the fastest to start. A thread that runs out of memory may end the whole run, and so does native
code that crashes: for such work take --model process, which loses that item only. async runs all on one core, for
work that only waits. auto begins with one thread, looks at the first items, and goes on in threads or here: it says which at its
end. remote hands the items to the queue that allcores worker serves, on whatever machines (--redis, --queue); a worker
has to allow the module, and have the package in the same version or --build.

A journal (--journal) records each item that is done, with a digest of its input, within 100 ms. The same command goes
on where the run was interrupted, be it by Ctrl-C, SIGKILL or a loss of power. With --output no line comes twice: the
file is cut back to what the journal knows. Over a pipe the lines of the last 100 ms may come twice. The digest of the
module covers its own file, not what that imports.

Ctrl-C lets end what runs and writes the journal; a second one ends at once.

Examples:
  allcores map ./hash.js --glob 'src/**/*.js'
  find . -name '*.png' | allcores map ./resize.ts#thumbnail --model process --memory 512 --progress
  allcores map ./fetch.js#page --model async --workers 50 --retries 3 --timeout 30s --file urls.txt
  allcores map ./parse.js --input ndjson --file events.ndjson --output parsed.ndjson --journal parsed.journal
  allcores map node:path#basename /a/b /c/d
  allcores map ./shop/resize.js --model remote --redis redis://localhost:6379 --queue images --glob '*.png'

Exit codes: allcores explain 1, and so on; they stand in allcores --help.`;

interface Given {
  [name: string]: unknown;
  halt: Halt;
  onError: MapSettings["onError"];
  glob?: string[];
  file?: string[];
}

/** `allcores map MODULE#EXPORT [INPUT…]`. */
export function mapCommand(finish: Finish): Command {
  const several = (value: string, before: string[] = []): string[] => [...before, value];
  return new Command("map")
    .summary("run a function of a module over many inputs")
    .description(
      "Runs a function that a module exports over many inputs, on all cores, and prints its results as NDJSON.",
    )
    .argument(
      "<MODULE#EXPORT>",
      "the module, .js or .ts, and its exported function; the default export without #EXPORT",
    )
    .argument("[INPUT...]", "items; stdin is read where there are neither inputs nor --glob nor --file")
    .addOption(new Option("--model <model>", "what runs the items").choices(MODELS).default("thread"))
    .option("--workers <n>", "how many at a time; one for each core unless given", wholeNumberFrom(1))
    .option("--chunk <n>", "items that travel together; counted out unless given", wholeNumberFrom(1))
    .option("--timeout <time>", "limit for each item, as in 500ms, 30s, 5m", duration)
    .option("--retries <n>", "how often an item is tried again that failed", wholeNumberFrom(0), 0)
    .option("--memory <MB>", "JavaScript heap of each worker", wholeNumberFrom(1))
    .addOption(
      new Option("--on-error <what>", "of an item that fails: a line on stderr, nothing, or the end of the run")
        .choices(ON_ERROR)
        .default("report"),
    )
    .addOption(
      new Option(
        "--halt <when>",
        "never; now,fail=N or soon,fail=N: end after N failures, at once or once what runs has ended",
      )
        .argParser(halt)
        .default(NEVER, "never"),
    )
    .addOption(new Option("--input <form>", "what a line of stdin or --file is").choices(INPUT_FORMS).default("lines"))
    .option("--glob <pattern>", "each path that matches is an item; may be repeated", several)
    .option("--file <path>", "each line of the file is an item; may be repeated", several)
    .addOption(
      new Option("--lines <form>", "value: the results alone; record: with index, input and error")
        .choices(LINE_FORMS)
        .default("value"),
    )
    .option("--as-completed", "results as they come, not in order")
    .option("--output <file>", "write results there and not to stdout")
    .option("--redis <url>", "with --model remote: where the server is")
    .option("--queue <name>", "with --model remote: the queue, as its workers call it")
    .option("--build <text>", "with --model remote: in place of the package's version; its workers need the same")
    .option("--journal <file>", "record what is done, and go on where an earlier run was interrupted")
    .option("--retry-failed", "run the items again that the journal knows as failed")
    .option("--force", "go on though module, options or inputs differ from the journal's")
    .option("--progress", "show progress without a terminal too, as plain lines")
    .option("--no-progress", "show none")
    .option("--json", "write what stderr gets as JSON")
    .addHelpText("after", HELP)
    .action(async (reference: string, inputs: string[], given: Given) => {
      const { map } = await import("./map.js");
      finish(await map(reference, inputs, settings(given)));
    });
}

function settings(given: Given): MapSettings {
  const { halt, onError, glob = [], file = [], ...rest } = given;
  const isGiven = (name: string): boolean => rest[name] === true;
  return {
    ...(rest as unknown as MapSettings),
    onError,
    halt: onError === "stop" ? AT_FIRST : halt,
    globs: glob,
    files: file,
    asCompleted: isGiven("asCompleted"),
    retryFailed: isGiven("retryFailed"),
    force: isGiven("force"),
    json: isGiven("json"),
  };
}

function halt(text: string): Halt {
  const when = haltOf(text);
  if (when === undefined) throw new InvalidArgumentError("It must be never, now,fail=N or soon,fail=N.");
  return when;
}
