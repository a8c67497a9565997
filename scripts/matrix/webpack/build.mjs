// node build.mjs ENTRY: a program as the guide says, or with `import.meta` as webpack leaves it.
import { basename } from "node:path";
import webpack from "webpack";

const entry = process.argv[2];
const name = basename(entry, ".js");

webpack(
  {
    mode: "production",
    target: "node20",
    entry: `./${entry}`,
    experiments: { outputModule: true },
    output: {
      path: `${import.meta.dirname}/dist`,
      filename: `${name}.mjs`,
      chunkFormat: "module",
      library: { type: "module" },
    },
    module: { parser: { javascript: { importMeta: name === "frozen" } } },
    externals: { koffi: "koffi", tsx: "tsx" },
  },
  (error, stats) => {
    if (error === null && !stats.hasErrors() && !stats.hasWarnings()) return;
    console.error(error ?? stats.toString({ all: false, errors: true, warnings: true }));
    process.exitCode = 1;
  },
);
