// Looks whether every place that CONTRIBUTING.md lists for a new part of the library has been thought of, and names
// those that were forgotten:
//   npm run check:primitive -- NAME     a shared object, as in Event
//   npm run check:platform -- NAME      a system, as in linux: what Node calls it in process.platform
//   npm run check:link -- NAME          what a pool's workers run on, as in Thread for ThreadPool
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const root = resolve(import.meta.dirname, "..");

/** The text of a file of the repository; empty when there is none. */
function readIn(folder) {
  return (path) => (existsSync(join(folder, path)) ? readFileSync(join(folder, path), "utf8") : "");
}

function filesIn(folder) {
  return (under) =>
    existsSync(join(folder, under))
      ? readdirSync(join(folder, under), { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
          .sort()
      : [];
}

/** Primitives that have no benchmark of their own, and why. */
const measuredElsewhere = {
  Barrier: "a round is as many wake-ups, which bench/event.ts measures",
  CountDownLatch: "a count is one exchange, and the last one the wake-ups that bench/event.ts measures",
  Condition: "a wait is a wake-up and a lock, which bench/event.ts and bench/lock.ts measure",
};

/** Where users find the primitives of a folder. */
const guidePages = {
  sync: "docs/guide/locks.md",
  shared: "docs/guide/shared-data.md",
  channels: "docs/guide/queues.md",
};

function primitive(name, read, files) {
  const kebab = kebabOf(name);
  const camel = /^[A-Z]{2}/.test(name) ? name.toLowerCase() : name[0].toLowerCase() + name.slice(1);
  const source =
    files("src").find((file) => file.endsWith(`/${kebab}.ts`) && read(file).includes(`export class ${name}`)) ??
    `src/sync/${kebab}.ts`;
  const folder = source.split("/")[1];
  const spoken = kebab.replaceAll("-", " ");
  const tests = files("tests").filter(
    (file) => file.endsWith(`/${kebab}.contract.ts`) || file.endsWith(`/${kebab}.test.ts`),
  );
  const kinds = `src/${folder}/kinds.ts`;
  const types = folder === "channels" ? `tests/types/${kebab}.ts` : `tests/types/${folder}.ts`;
  return [
    place(source, `export class ${name}`, has(read(source), `export class ${name}\\b`)),
    place(
      source,
      "what happens when a worker dies, in the comment of the class",
      /^ \* .*\b([Dd]eath|dies|died)\b/m.test(read(source)),
    ),
    place(kinds, `${camel} in KIND, with the next number`, has(read(kinds), `^  ${camel}: \\d+,$`)),
    place(
      source,
      `registerShared(KIND.${camel}, ${name})`,
      has(read(source), `^registerShared\\(KIND\\.${camel}, ${name}\\b`),
    ),
    place(source, `onInspect(KIND.${camel}, …), for snapshots`, has(read(source), `^onInspect\\(KIND\\.${camel}, `)),
    place("src/index.ts", `an export of ${name}`, has(read("src/index.ts"), `^export \\{.*\\b${name}\\b`)),
    place(
      "docs/design/memory.md",
      `"${camel}" and its number in the list of kinds`,
      has(read("docs/design/memory.md"), `\\b${camel} \\d+[,. ]`),
    ),
    place(
      `docs/design/${folder}.md`,
      `a heading for ${name}: its words and its protocol`,
      has(read(`docs/design/${folder}.md`), `^#+ .*\\b${name}\\b`),
    ),
    place(
      "docs/design/death.md",
      `a row for ${name}: who dies, what survivors see, what shows it`,
      has(read("docs/design/death.md"), `^\\| [^|]*\\b${name}\\b`),
    ),
    place(
      `tests/contract/${kebab}.contract.ts`,
      "the contract, for all reaches and both kinds of caller",
      tests.some((file) => file.endsWith(".contract.ts")),
    ),
    place(
      `tests/contract/${kebab}.test.ts`,
      `everywhere("${name}", …)`,
      tests.some((file) => file.endsWith(".test.ts")),
    ),
    place(
      `tests/models/${kebab}.model.ts`,
      "models of its protocol for the explorer",
      read(`tests/models/${kebab}.model.ts`) !== "",
    ),
    place(
      "tests/mutants/mutants.ts",
      `mutants named "${spoken}: …"`,
      has(read("tests/mutants/mutants.ts"), `^ +name: "${spoken}: `),
    ),
    place(
      "tests/chaos/coverage.ts",
      `the scenarios that use ${name}`,
      has(read("tests/chaos/coverage.ts"), `^  ${name}: `),
    ),
    place(
      "tests/fuzz/subjects.ts",
      `new ${name}(…) as a subject`,
      has(read("tests/fuzz/subjects.ts"), `new ${name}\\(`),
    ),
    place(
      "tests/codec/pack.test.ts",
      `new ${name}(…) among what crosses`,
      has(read("tests/codec/pack.test.ts"), `new ${name}\\(`),
    ),
    place(
      "tests/codec/portrait.test.ts",
      `${name}: what a logger sees of it`,
      has(read("tests/codec/portrait.test.ts"), `^  ${name}: `),
    ),
    place(
      "tests/errors/known-options.test.ts",
      `"new ${name}" and its calls that take options`,
      has(read("tests/errors/known-options.test.ts"), `\\b${name}\\b`),
    ),
    place(
      "tests/left-behind/calls.ts",
      `a row for each public call of ${name}`,
      has(read("tests/left-behind/calls.ts"), `\\bnew ${name}\\b`),
    ),
    placeOfNames(camel, source, read),
    ...(read(source).includes("WaitOptions")
      ? [
          place(
            "tests/tasks/program-time.test.ts",
            `each wait of ${name}, whose time is the program's`,
            has(read("tests/tasks/program-time.test.ts"), `\\bnew ${name}\\(`),
          ),
        ]
      : []),
    ...(read(source).includes("[selectable](")
      ? [
          place(
            "src/channels/select.ts",
            `${name} in the error that says what select takes`,
            has(read("src/channels/select.ts"), `cannot be waited for: .*\\b${name}\\b`),
          ),
          place(
            "docs/design/channels.md",
            `${name} in the table of what select waits for`,
            has(read("docs/design/channels.md"), `^\\| memory: .*\\b${name}\\b`),
          ),
        ]
      : []),
    place(types, `${name}: what compiles and what must not`, has(read(types), `\\b${name}\\b`)),
    place(
      `bench/${kebab}.ts`,
      `its cost, and "${kebab}" in bench/index.ts; or a reason in measuredElsewhere of scripts/places.mjs`,
      isMeasured(name, kebab, read),
    ),
    ...told(name, read, guidePages[folder] ?? guidePages.sync),
  ];
}

/** Which words name workers: said beside the destroyer, or that none does in the test. */
function placeOfNames(camel, source, read) {
  if (has(read(source), `^on(Monitor)?Names\\(KIND\\.${camel}\\b`))
    return place(source, `onNames(KIND.${camel}, …): which words name workers`, true);
  const test = "tests/memory/worker-id-wrap.test.ts";
  return place(
    test,
    `${camel} among those whose words name no worker; or onNames(KIND.${camel}, …) in ${source}`,
    has(read(test), `nobody = ".*\\b${camel}\\b`),
  );
}

function isMeasured(name, kebab, read) {
  return (
    name in measuredElsewhere || (read(`bench/${kebab}.ts`) !== "" && read("bench/index.ts").includes(`"${kebab}",`))
  );
}

function link(name, read, files) {
  const pool = `${name}Pool`;
  const kebab = kebabOf(pool);
  const model = name.toLowerCase();
  const source = `src/pools/${kebab}.ts`;
  const test = `tests/pools/${kebab}.test.ts`;
  const contracts = files("tests/pools").filter((file) => file.endsWith(".contract.ts"));
  const create = "src/pools/create-pool.ts";
  return [
    place(
      source,
      `export class ${pool} extends WorkerPool, over ${model}Links`,
      has(read(source), `^export class ${pool}\\b`) && has(read(source), `\\b${model}Links\\b`),
    ),
    place(
      `src/pools/links/${model}-links.ts`,
      `${model}Links, a kind of link`,
      has(read(`src/pools/links/${model}-links.ts`), `^export const ${model}Links\\b`),
    ),
    place(source, `registerPool("${model}", …)`, read(source).includes(`registerPool("${model}", `)),
    place(create, `createPool("${model}")`, read(create).includes(`model: "${model}"`)),
    place("src/index.ts", `an export of ${pool}`, has(read("src/index.ts"), `^export \\{.*\\b${pool}\\b`)),
    ...contracts.map((file) =>
      place(
        test,
        `the suite of ${file}`,
        has(read(test), `^import .*"\\./${file.split("/").at(-1).replace(".ts", ".js").replaceAll(".", "\\.")}";$`) &&
          read(test).includes(`Contract("${pool}"`),
      ),
    ),
    place(
      "tests/errors/known-options.test.ts",
      pool,
      has(read("tests/errors/known-options.test.ts"), `^const pools = .*\\b${pool}\\b`),
    ),
    place(
      "tests/types/pool.ts",
      `${pool}: what compiles and what must not`,
      has(read("tests/types/pool.ts"), `\\b${pool}\\b`),
    ),
    place(
      "tests/chaos/coverage.ts",
      `the scenarios that use ${pool}`,
      has(read("tests/chaos/coverage.ts"), `^  ${pool}: `),
    ),
    place(
      "tests/codec/portrait.test.ts",
      `${pool}: what a logger sees of it`,
      has(read("tests/codec/portrait.test.ts"), `^  ${pool}: `),
    ),
    place("bench/pool/ours.ts", `${pool} beside the rivals`, has(read("bench/pool/ours.ts"), `\\b${pool}\\b`)),
    place(
      "docs/design/pools.md",
      `${pool}: how its workers get jobs and answer`,
      has(read("docs/design/pools.md"), `\\b${pool}\\b`),
    ),
    place("docs/design/death.md", `a row for ${pool}`, has(read("docs/design/death.md"), `^\\| [^|]*\\b${pool}\\b`)),
    ...told(pool, read, "docs/guide/pools.md"),
  ];
}

function platform(name, read) {
  const table = "docs/design/platform.md";
  const [head = "", ...rows] = read(table)
    .split("\n")
    .filter((line) => line.startsWith("| ") && line.split("|").length > 5)
    .map(cellsOf);
  const column = head.indexOf(name);
  const verbs = verbsIn(read("src/platform/contract.ts"));
  const rowOf = (verb) => rows.find(([cell]) => cell.includes(`\`${verb}\``));
  const choice = read("src/platform/platform.ts");
  return [
    place(
      `src/platform/${name}/index.ts`,
      "an implementation of Platform",
      has(read(`src/platform/${name}/index.ts`), "^export const \\w+: Platform\\b"),
    ),
    place(
      "src/platform/platform.ts",
      `process.platform "${name}", which loads ./${name}/`,
      choice.includes(`"./${name}/index.js"`) && choice.includes(`"${name}"`),
    ),
    place(table, `a column for ${name}`, column > 0),
    ...verbs.map((verb) =>
      place(table, `a row for ${verb}, and what ${name} has for it`, column > 0 && Boolean(rowOf(verb)?.[column])),
    ),
    ...rows
      .flatMap(([cell]) => [...cell.matchAll(/`([^`]+)`/g)].map(([, verb]) => verb))
      .filter((verb) => verbs.length > 0 && column > 0 && !verbs.includes(verb))
      .map((verb) => place(table, `${verb} taken away: the contract has no such verb`, false)),
    place("README.md", `what has been run on ${name}`, new RegExp(`\\b${name}\\b`, "i").test(read("README.md"))),
    place(
      "docs/guide/platforms.md",
      `the same with its versions`,
      new RegExp(`\\b${name}\\b`, "i").test(read("docs/guide/platforms.md")),
    ),
    place("README.zh-CN.md", `the same in Chinese`, new RegExp(`\\b${name}\\b`, "i").test(read("README.zh-CN.md"))),
    place("CHANGELOG.md", `what users of ${name} get`, new RegExp(`\\b${name}\\b`, "i").test(read("CHANGELOG.md"))),
  ];
}

/**
 * The verbs of the platform's contract, as in `memory.create`: the members of the groups that Platform and
 * ProcessPlatform have, and their own.
 */
function verbsIn(contract) {
  const members = (name) => {
    const body = new RegExp(`^export interface ${name}\\b[^{]*\\{\\n([\\s\\S]*?)^\\}`, "m").exec(contract)?.[1] ?? "";
    return [...body.matchAll(/^ {2}(?:readonly )?(\w+)(?:\(|: (\w+))/gm)].map(([, member, type]) => ({ member, type }));
  };
  return [...members("Platform"), ...members("ProcessPlatform")].flatMap(({ member, type }) => {
    const inner = type === undefined ? [] : members(type);
    return inner.length > 0 ? inner.map((each) => `${member}.${each.member}`) : [member];
  });
}

function cellsOf(row) {
  return row
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
}

/** What every user hears of. */
function told(name, read, guidePage) {
  return [
    place("README.md", `\`${name}\``, has(read("README.md"), `\\b${name}\\b`)),
    place("README.zh-CN.md", `\`${name}\``, has(read("README.zh-CN.md"), `\\b${name}\\b`)),
    place(guidePage, `\`${name}\`, and what it is for`, has(read(guidePage), `\\b${name}\\b`)),
    place("CHANGELOG.md", `${name}: what it is for`, has(read("CHANGELOG.md"), `\\b${name}\\b`)),
    place(
      "docs/api/allcores.api.md",
      `class ${name}: npm run build && npm run api`,
      has(read("docs/api/allcores.api.md"), `^(export )?(abstract )?class ${name}(_\\d+)?\\b`),
    ),
  ];
}

function place(file, what, isThere) {
  return { file, what, isThere };
}

function has(text, pattern) {
  return new RegExp(pattern, "m").test(text);
}

/** As in `RWLock` → `rwlock`, `LifoQueue` → `lifo-queue`. */
function kebabOf(name) {
  return name.replace(/([a-z])([A-Z])/g, "$1-$2").toLowerCase();
}

const lists = { primitive, platform, link };

/**
 * All places of the list `kind` for this name, each with whether it is there. `read` and `files` stand for the
 * repository.
 */
export function placesOf(kind, name, read = readIn(root), files = filesIn(root)) {
  return lists[kind](name, read, files);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [kind, name] = process.argv.slice(2);
  if (!Object.hasOwn(lists, kind ?? "") || name === undefined) {
    console.error("name what was added: npm run check:primitive -- NAME, check:platform -- NAME or check:link -- NAME");
    process.exit(2);
  }
  const places = placesOf(kind, name);
  const missing = places.filter(({ isThere }) => !isThere);
  for (const { file, what } of missing) console.error(`missing in ${file}: ${what}`);
  console.log(`${name}: ${places.length - missing.length} of ${places.length} places`);
  process.exitCode = missing.length > 0 ? 1 : 0;
}
