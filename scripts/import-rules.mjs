// What may import what in src/: the configuration of dependency-cruiser, which scripts/imports.mjs runs. An import of a
// type counts as an import.
/** Each folder imports only from itself and from those before it. */
export const layers =
  "errors platform memory parking codec objects sync shared futures channels workers diagnosis pools tasks advisor remote cli testing".split(
    " ",
  );

/** The npm packages that src may import, and the only folder that may import each. */
export const packages = {
  koffi: "platform",
  tsx: "workers",
  bullmq: "remote",
  ioredis: "remote",
  commander: "cli",
  "cli-progress": "cli",
  picocolors: "cli",
  tinyglobby: "cli",
};

const upward = layers.slice(0, -1).map((layer, index) => ({
  name: `${layer}-imports-only-what-stands-before-it`,
  severity: "error",
  from: { path: `^src/${layer}/` },
  to: { path: `^src/(${layers.slice(index + 1).join("|")})/` },
}));

const foreign = ["npm", "npm-dev", "npm-optional", "npm-peer", "npm-no-pkg", "npm-unknown", "npm-bundled"];
const packageOf = Object.entries(packages).map(([name, folder]) => ({
  name: `${name}-belongs-to-${folder}`,
  severity: "error",
  from: { pathNot: `^src/${folder}/` },
  to: { path: `(^|/)node_modules/${name}/|^${name}$` },
}));

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    { name: "no-circle", severity: "error", from: {}, to: { circular: true } },
    ...upward,
    {
      name: "a-folder-is-a-layer",
      severity: "error",
      from: { path: "^src/", pathNot: `^src/(index\\.ts$|(${layers.join("|")})/)` },
      to: {},
    },
    {
      name: "only-cli-imports-the-facade",
      severity: "error",
      from: { pathNot: "^src/cli/" },
      to: { path: "^src/index\\.ts$|^dist/" },
    },
    // The command runs with the library that its workers run: it takes all of it from the facade, which it does not
    // bundle.
    {
      name: "cli-imports-the-facade-platform-and-clock",
      severity: "error",
      from: { path: "^src/cli/" },
      to: { path: "^src/(?!cli/|index\\.ts$|platform/|memory/clock\\.ts$|remote/index\\.ts$)" },
    },
    ...packageOf,
    {
      name: "no-other-package",
      severity: "error",
      from: {},
      to: { dependencyTypes: foreign, pathNot: `(^|/)node_modules/(@types/)?(${Object.keys(packages).join("|")})/` },
    },
    // The door to atomics, which a condition of the package's imports may swap.
    {
      name: "the-swappable-door-belongs-to-platform-memory-and-parking",
      severity: "error",
      from: { pathNot: "^src/(platform|memory|parking)/" },
      to: { dependencyTypes: ["aliased"] },
    },
    { name: "imports-can-be-found", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "(^|/)node_modules/|^dist/" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
};
