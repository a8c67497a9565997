import { Command, CommanderError, Option } from "commander";
import { adviseCommand } from "./advise/command.js";
import { CommandFailure } from "./command-failure.js";
import { type Shell, SHELLS, completion } from "./completion.js";
import { EXIT, EXIT_MEANINGS, type Finish } from "./exit-code.js";
import { mapCommand } from "./map/command.js";
import { Report } from "./report.js";
import { comparisonCommands } from "./tour/commands.js";
import { workerCommand } from "./worker.js";

const EXIT_HELP = `\nExit codes:\n${Object.entries(EXIT_MEANINGS)
  .map(([code, meaning]) => `  ${code.padStart(3)}  ${meaning}`)
  .join("\n")}`;

/** The command line with all its commands. `version`: that of the package. */
export function programOf(version: string, finish: Finish): Command {
  const program = new Command("allcores")
    .description(
      "Runs functions on all cores, says which kind of worker is fastest here, and explains what goes wrong.",
    )
    .version(version)
    .exitOverride()
    .showHelpAfterError("(allcores --help says what there is)")
    .addHelpText(
      "after",
      `\nExamples:\n  allcores map ./hash.js 'src/a.js' 'src/b.js'\n  allcores advise ./hash.js 'src/a.js' 'src/b.js'\n  allcores tour\n  allcores explain ERR_ALLCORES_TIMEOUT\n${EXIT_HELP}`,
    );
  const add = (command: Command): void =>
    void program.addCommand(
      command.exitOverride().showHelpAfterError(`(allcores ${command.name()} --help says what there is)`),
    );
  add(mapCommand(finish));
  add(adviseCommand(finish));
  for (const command of comparisonCommands(finish)) add(command);
  add(workerCommand(finish));
  add(explainCommand(finish));
  add(doctorCommand(finish));
  add(completionCommand(program, finish));
  return program;
}

/** Runs one command line, and reports what ends it. */
export async function runProgram(version: string, args: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.done;
  try {
    await programOf(version, (code) => (exitCode = code)).parseAsync(args, { from: "user" });
  } catch (error) {
    // Help and version are such ends too, and what is wrong has been said by then.
    if (error instanceof CommanderError)
      return error.exitCode === 0 || error.code === "commander.help" ? EXIT.done : EXIT.usage;
    if (!(error instanceof CommandFailure)) throw error;
    if (error.exitCode !== EXIT.brokenPipe)
      new Report(args.includes("--json")).error(error.message, { exitCode: error.exitCode });
    return error.exitCode;
  }
  return exitCode;
}

const jsonOption = (): Option => new Option("--json", "print JSON, for programs");

function explainCommand(finish: Finish): Command {
  return new Command("explain")
    .summary("what an error code means and what to do")
    .description("Says what an error code means and what to do about it. It knows exit codes too.")
    .argument("[CODE]", "as in ERR_ALLCORES_TIMEOUT, TIMEOUT, TimeoutError or 5; without it all are listed")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExamples:\n  allcores explain ERR_ALLCORES_WORKER_DIED\n  allcores explain deadlock\n  allcores explain 7",
    )
    .action(async (code: string | undefined, { json = false }: { json?: boolean }) => {
      const { explain, listCodes } = await import("./explain.js");
      console.log(code === undefined ? listCodes(json) : explain(code, json));
      finish(EXIT.done);
    });
}

function doctorCommand(finish: Finish): Command {
  return new Command("doctor")
    .summary("what this machine has, what works and what will not")
    .description(
      "Says what this machine has for the library: cores, limits, shared memory, Node's flags. Where the system cannot tell, it says so.",
    )
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExamples:\n  allcores doctor\n  allcores doctor --json | jq '.[] | select(.state == \"missing\")'",
    )
    .action(async ({ json = false }: { json?: boolean }) => {
      const { examine, portray } = await import("./doctor.js");
      const findings = examine();
      console.log(json ? JSON.stringify(findings) : portray(findings));
      finish(EXIT.done);
    });
}

function completionCommand(program: Command, finish: Finish): Command {
  return new Command("completion")
    .summary("a script by which a shell completes this command")
    .description("Prints a script by which a shell completes commands, options and values.")
    .addArgument(program.createArgument("<shell>", "which shell").choices(SHELLS))
    .addHelpText(
      "after",
      "\nExamples:\n  source <(allcores completion bash)\n  allcores completion fish > ~/.config/fish/completions/allcores.fish",
    )
    .action((shell: Shell) => {
      process.stdout.write(completion(program, shell));
      finish(EXIT.done);
    });
}
