export default { build: { ssr: "src/main.js", target: "node20" } };
