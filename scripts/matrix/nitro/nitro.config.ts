export default defineNitroConfig({
  compatibilityDate: "2025-01-01",
  esbuild: { options: { target: "es2022" } },
  rollupConfig: { output: { manualChunks: (id) => (id.endsWith("/tasks.js") ? "tasks" : undefined) } },
});
