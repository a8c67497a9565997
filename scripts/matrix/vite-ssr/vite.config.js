export default {
  build: { ssr: true, target: "node20", rollupOptions: { input: { server: "server.js", tasks: "tasks.js" } } },
};
