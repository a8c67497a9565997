/** Where the items of a map come from. */
import { createReadStream, fstatSync } from "node:fs";
import { open } from "node:fs/promises";
import { glob } from "tinyglobby";
import { CommandFailure, firstLine } from "../command-failure.js";
import { EXIT } from "../exit-code.js";
import type { InputForm, MapSettings } from "./map-settings.js";
import { textLines } from "./text-lines.js";

/** One input, as text, and where it comes from for messages: "line 3 of stdin". */
export interface Input {
  readonly text: string;
  readonly place: string | undefined;
}

/** All inputs, where they are known beforehand; else as they come. */
export type Inputs = readonly Input[] | AsyncIterable<Input>;

/** Which of the settings say where inputs come from. */
export type InputSettings = Pick<MapSettings, "globs" | "files" | "input">;

export async function inputsOf(given: readonly string[], settings: InputSettings): Promise<Inputs> {
  const { globs, files, input } = settings;
  // As other commands have it: a dash by itself is stdin.
  if (given.length === 1 && given[0] === "-") return await inputsOf([], { ...settings, files: [...files, "-"] });
  const named = given.map((text) => ({ text, place: undefined }));
  if (given.length === 0 && globs.length === 0 && files.length === 0) return stdinLines(input);
  const matched = globs.length === 0 ? [] : await matches(globs);
  if (files.length === 0) return [...named, ...matched];
  for (const file of files) await checkReadable(file);
  return fileLines([...named, ...matched], files, input);
}

async function matches(patterns: readonly string[]): Promise<Input[]> {
  const paths = await glob([...patterns], { dot: false, onlyFiles: true });
  if (paths.length === 0) throw new CommandFailure(EXIT.input, `no file matches ${patterns.join(" ")}`);
  return paths.sort().map((text) => ({ text, place: undefined }));
}

async function checkReadable(file: string): Promise<void> {
  if (file === "-") return;
  try {
    await (await open(file)).close();
  } catch (error) {
    throw new CommandFailure(EXIT.input, `the file ${file} cannot be read: ${firstLine(error)}`);
  }
}

async function* fileLines(
  first: readonly Input[],
  files: readonly string[],
  form: InputForm,
): AsyncGenerator<Input, void, undefined> {
  yield* first;
  for (const file of files) {
    if (file === "-") yield* stdinLines(form);
    else yield* numbered(textLines(createReadStream(file), separatorOf(form)), file, form);
  }
}

async function* stdinLines(form: InputForm): AsyncGenerator<Input, void, undefined> {
  if (process.stdin.isTTY)
    process.stderr.write("allcores: reads items from the terminal, one a line; Ctrl-D ends them\n");
  let count = 0;
  for await (const input of numbered(textLines(process.stdin, separatorOf(form)), "stdin", form)) {
    count++;
    yield input;
  }
  if (count === 0 && isClosed())
    throw new CommandFailure(
      EXIT.input,
      "stdin is closed, and there are no inputs: give INPUT arguments, --glob or --file",
    );
}

/** Node puts the null device in the place of a stdin that is closed. A pipe that is empty is another matter. */
function isClosed(): boolean {
  try {
    return !process.stdin.isTTY && fstatSync(0).isCharacterDevice();
  } catch {
    return true;
  }
}

async function* numbered(
  lines: AsyncIterable<string>,
  source: string,
  form: InputForm,
): AsyncGenerator<Input, void, undefined> {
  let number = 0;
  for await (const text of lines) {
    number++;
    // An empty line of NDJSON is none.
    if (form === "ndjson" && text.trim() === "") continue;
    yield { text, place: `line ${number} of ${source}` };
  }
}

function separatorOf(form: InputForm): string {
  return form === "nul" ? "\0" : "\n";
}
