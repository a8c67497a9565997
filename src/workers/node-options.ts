/**
 * The options that this Node was started with, and those among them that another Node of the same program needs too.
 *
 * Whether an option has a value of its own behind it is read from the words themselves. Node's parser takes no value
 * that begins with a dash (it wants `\-`), and `process.execArgv` holds nothing but options and values: so a word
 * without a dash is the value of the option before it. Rejected: a list of the options that take a value. Each version
 * of Node adds some, and a value that is left without its option becomes the program of every child.
 */

/** An option as it stood on the command line: one word, or two where its value stands apart. */
export interface NodeOption {
  /** As Node spells it: without a value, with dashes for underscores. */
  readonly name: string;
  readonly value: string | undefined;
  readonly words: readonly string[];
}

/** What `process.execArgv` holds, unless other words are given. */
export function nodeOptions(words: readonly string[] = process.execArgv): NodeOption[] {
  const options: NodeOption[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    const [, name = word, joined] = /^(--[^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    const next = words[index + 1];
    const apart = next === undefined || next.startsWith("-") ? undefined : next;
    if (apart !== undefined) index++;
    options.push({
      name: name.startsWith("--") ? name.replaceAll("_", "-") : name,
      value: joined ?? apart,
      words: apart === undefined ? [word] : [word, apart],
    });
  }
  return options;
}

/**
 * They say what the program is, or that it is watched, tested, debugged or profiled: a child would run something else
 * than its entry, or take the program's port or file.
 */
const OF_THE_PROGRAM =
  /^(-[epic]|-pe|--(eval|print|interactive|check|run|(experimental-)?entry-url|build-s(napshot|ea)|build-snapshot-config|snapshot-blob|input-type|debug-port)|--(experimental-)?(test|watch|inspect|cpu-prof|heap-prof|prof)(-.*)?)$/;
/** Loaders of modules. */
const LOADS = /^(-r|--(require|import|loader|experimental-loader))$/;
/** The entry registers tsx where it is needed. */
const TSX = /[\\/]tsx[\\/]|^tsx/;

/** The words of those options that a child needs as the program does. */
export function inheritedOptions(words?: readonly string[]): string[] {
  return nodeOptions(words)
    .filter(({ name, value }) => !OF_THE_PROGRAM.test(name) && !(LOADS.test(name) && TSX.test(value ?? "")))
    .flatMap(({ words }) => words);
}
