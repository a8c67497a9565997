// Writes docs/api/: what each entry of the package declares, as API Extractor reports it from dist/types. With
// `--check` it only shows what has changed.
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { Extractor, ExtractorConfig } from "@microsoft/api-extractor";

const root = resolve(import.meta.dirname, "..");
const committed = join(root, "docs/api");

/** The file of docs/api for each entry of the package that has declarations. */
export function reports() {
  const { name, exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const entries = Object.entries(exports).filter(
    ([, conditions]) => typeof conditions === "object" && conditions.types !== undefined,
  );
  return entries.map(([entry, { types }]) => ({
    types,
    file: `${[name, ...entry.split("/").slice(1)].join("-")}.api.md`,
  }));
}

/** Writes the reports into the folder `into`; throws when the declarations cannot be read. */
export function writeReports(into) {
  mkdirSync(into, { recursive: true });
  for (const { types, file } of reports()) writeReport(types, file, into);
}

function writeReport(types, file, into) {
  const entry = join(root, types);
  if (!existsSync(entry)) throw new Error(`${types} is missing: run npm run build first`);
  // Reports are written where they are compared, so that the tool's own comparison has nothing to say.
  rmSync(join(into, file), { force: true });
  const { compilerOptions } = JSON.parse(
    readFileSync(join(root, "tsconfig.json"), "utf8").replace(/^\s*\/\/.*$/gm, ""),
  );
  const { lib, target, module } = compilerOptions;
  const quiet = { logLevel: "none" };
  const config = ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(root, "package.json"),
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: entry,
      newlineKind: "lf",
      compiler: {
        overrideTsconfig: {
          compilerOptions: { lib, target, module, types: ["node"], strict: true, skipLibCheck: true },
          files: [entry],
        },
      },
      // Types that an entry does not export are part of its surface too where its declarations name them.
      apiReport: {
        enabled: true,
        reportFileName: file,
        reportFolder: into,
        reportTempFolder: join(root, "build/api-draft", String(process.pid)),
        includeForgottenExports: true,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        extractorMessageReporting: { default: quiet },
        tsdocMessageReporting: { default: quiet },
        compilerMessageReporting: { default: { logLevel: "error" } },
      },
    },
  });
  const faults = [];
  const { errorCount } = Extractor.invoke(config, {
    localBuild: true,
    messageCallback: (message) => {
      if (message.logLevel === "error") faults.push(message.text);
      message.handled = true;
    },
  });
  rmSync(config.reportTempFolder, { recursive: true, force: true });
  if (errorCount > 0) throw new Error(`API Extractor cannot read ${types}:\n${faults.join("\n")}`);
}

/** How the reports in `fresh` differ from those in docs/api, as a diff; empty when they do not. */
export function changes(fresh, from = committed) {
  const arguments_ = ["diff", "--no-index", "--no-color", "--", relative(root, from), relative(root, fresh)];
  return promisify(execFile)("git", arguments_, { cwd: root, maxBuffer: 1 << 26 }).then(
    ({ stdout }) => stdout,
    (error) => {
      // 1 is a difference, all else a failure.
      if (error.code !== 1) throw error;
      return error.stdout;
    },
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  // Beside them first: one that is interrupted leaves those of before.
  const fresh = join(root, "build/api", String(process.pid));
  writeReports(fresh);
  if (!process.argv.includes("--check")) cpSync(fresh, committed, { recursive: true });
  else {
    const diff = await changes(fresh);
    if (diff !== "") {
      console.error(`docs/api is out of date: npm run build && npm run api\n${diff}`);
      process.exitCode = 1;
    }
  }
  rmSync(fresh, { recursive: true, force: true });
}
