import { didYouMean } from "./closest.js";
import { CommandFailure } from "./command-failure.js";
import { EXIT, EXIT_MEANINGS } from "./exit-code.js";
import { EXPLANATIONS, type Explanation } from "./explanations.js";

const PREFIX = "ERR_ALLCORES_";

/** What a code means: that of an error, with or without its beginning, its class, or an exit code of this command. */
export function explain(asked: string, json: boolean): string {
  const meaning = EXIT_MEANINGS[Number(asked)];
  if (/^\d+$/.test(asked) && meaning !== undefined)
    return json
      ? JSON.stringify({ exitCode: Number(asked), means: meaning })
      : `Exit code ${asked} of allcores: ${meaning}.`;
  const [code, explanation] = find(asked);
  if (json) return JSON.stringify({ code, ...explanation });
  return `${code} (${explanation.error})\n\n${explanation.means}\n\nWhat to do: ${explanation.remedy}`;
}

function find(asked: string): [string, Explanation] {
  const word = asked.toUpperCase();
  for (const [code, explanation] of Object.entries(EXPLANATIONS))
    if (code === word || code === PREFIX + word || explanation.error.toUpperCase() === word) return [code, explanation];
  const known = [...Object.keys(EXPLANATIONS), ...Object.keys(EXPLANATIONS).map((code) => code.slice(PREFIX.length))];
  const names = Object.values(EXPLANATIONS).map(({ error }) => error);
  throw new CommandFailure(
    EXIT.usage,
    `there is no code ${asked}${didYouMean(asked, [...known, ...names])} "allcores explain" without a code lists them`,
  );
}

/** All codes, one a line. */
export function listCodes(json: boolean): string {
  const entries = Object.entries(EXPLANATIONS);
  if (json) return JSON.stringify(entries.map(([code, explanation]) => ({ code, ...explanation })));
  return entries.map(([code, { error }]) => `${code.padEnd(34)} ${error}`).join("\n");
}
