export default {
  output: "standalone",
  outputFileTracingRoot: import.meta.dirname,
  serverExternalPackages: ["allcores"],
  outputFileTracingIncludes: { "/square": ["./tasks.js"] },
};
