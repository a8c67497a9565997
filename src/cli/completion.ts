import type { Command, Option } from "commander";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** A script by which a shell completes commands, options and their values. It is made from the commands themselves. */
export function completion(program: Command, shell: Shell): string {
  const commands = program.commands.filter((command) => command.name() !== "help");
  if (shell === "fish") return fish(program, commands);
  const script = bash(commands);
  return shell === "bash"
    ? script
    : `#compdef ${program.name()}\nautoload -U +X bashcompinit && bashcompinit\n${script}`;
}

const flagsOf = (command: Command): string[] =>
  command.options.flatMap(({ long, short }) => [long, short].filter((flag) => flag !== undefined && flag !== null));
const choicesOf = (option: Option): readonly string[] => option.argChoices ?? [];

function bash(commands: readonly Command[]): string {
  const cases = commands.map((command) => {
    const values = command.options
      .filter((option) => choicesOf(option).length > 0)
      .map((option) => `      ${option.long}) words="${choicesOf(option).join(" ")}" ;;`);
    return `    ${command.name()})
      case "$before" in
${[...values, `      *) words="${flagsOf(command).join(" ")}" ;;`].join("\n")}
      esac ;;`;
  });
  return `_allcores() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${commands.map((command) => command.name()).join(" ")} --help --version"
  else
    case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _allcores allcores
`;
}

function fish(program: Command, commands: readonly Command[]): string {
  const quoted = (text: string): string => `'${text.replace(/['\\]/g, "\\$&")}'`;
  const lines = commands.flatMap((command) => [
    `complete -c ${program.name()} -n __fish_use_subcommand -a ${command.name()} -d ${quoted(command.summary())}`,
    ...command.options.map((option) => {
      const choices =
        choicesOf(option).length > 0 ? ` -xa ${quoted(choicesOf(option).join(" "))}` : option.required ? " -r" : "";
      const name = option.long?.slice(2) ?? "";
      return `complete -c ${program.name()} -n '__fish_seen_subcommand_from ${command.name()}' -l ${name}${choices} -d ${quoted(option.description)}`;
    }),
  ]);
  return `${lines.join("\n")}\n`;
}
