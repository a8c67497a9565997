/** The command `allcores`. Workers load none of this file: they run the library's own entry. */
import { readFileSync } from "node:fs";
import { EXIT } from "./exit-code.js";
import { runProgram } from "./program.js";

const { version } = JSON.parse(readFileSync(new URL("../package.json", packageFolder()), "utf8")) as {
  version: string;
};

/** Of the bundled file the package is one folder up; of the compiled sources, two more. */
function packageFolder(): URL {
  return import.meta.url.endsWith("/src/cli/main.js") ? new URL("../../", import.meta.url) : new URL(import.meta.url);
}

// `allcores … | head`: the command ends quietly, and everything else of stdout goes through the sink of map.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.brokenPipe);
  throw error;
});

try {
  process.exit(await runProgram(version, process.argv.slice(2)));
} catch (error) {
  console.error(error);
  process.exit(EXIT.crash);
}
