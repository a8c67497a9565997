export default {
  entry: ["src/main.js"],
  format: ["esm", "cjs"],
  silent: true,
  esbuildOptions(options, { format }) {
    if (format === "cjs") options.define = { ...options.define, "import.meta": "module" };
  },
};
