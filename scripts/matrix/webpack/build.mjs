import webpack from "webpack";

webpack(
  {
    mode: "production",
    target: "node20",
    entry: "./src/main.js",
    experiments: { outputModule: true },
    output: {
      path: `${import.meta.dirname}/dist`,
      filename: "main.mjs",
      chunkFormat: "module",
      library: { type: "module" },
    },
    module: { parser: { javascript: { importMeta: false } } },
    externals: { koffi: "koffi", tsx: "tsx" },
  },
  (error, stats) => {
    if (error === null && !stats.hasErrors() && !stats.hasWarnings()) return;
    console.error(error ?? stats.toString({ all: false, errors: true, warnings: true }));
    process.exitCode = 1;
  },
);
