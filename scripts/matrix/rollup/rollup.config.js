import resolve from "@rollup/plugin-node-resolve";

export default {
  input: "src/main.js",
  output: { dir: "dist" },
  external: ["koffi", "tsx"],
  plugins: [resolve({ preferBuiltins: true })],
};
