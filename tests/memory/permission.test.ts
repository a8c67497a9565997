/**
 * Node's permission model: everything works with its flags, and without one of them an error of this library names
 * that.
 */
import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { startProgram } from "../workers/programs.js";
import { timeLimit } from "../time-limit.js";

/** Since Node 23.5, and before. */
const PERMISSION = process.allowedNodeEnvironmentFlags.has("--permission")
  ? "--permission"
  : "--experimental-permission";
const ALL = ["--allow-fs-read=*", "--allow-fs-write=*", "--allow-child-process", "--allow-worker", "--allow-addons"];
const root = resolve(import.meta.dirname, "../../..");
/** The library and the program, and nothing else. */
const OWN_FILES = `--allow-fs-read=${join(root, "*")}`;

const DEEDS = [
  "thread",
  "joinSync of a thread",
  "threads",
  "memory",
  "process",
  "processes",
  "a process below a process",
  "machine",
];
const THREADS = ["thread", "joinSync of a thread", "threads"];

/** What becomes of each deed where those named end by an error that names this flag. */
function outcomes(flag: string, refused: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    DEEDS.map((deed) => [deed, refused.includes(deed) ? `ERR_ALLCORES_PERMISSION ${flag}` : "done"]),
  );
}

const without = (flag: string) => ALL.filter((each) => !each.startsWith(flag));
const acrossProcesses = DEEDS.filter((deed) => !THREADS.includes(deed));

describe("under Node's permission model", { timeout: timeLimit(120_000), concurrency: 2 }, () => {
  const cases: [what: string, flags: string[], expected: Record<string, string>][] = [
    ["with all flags everything works", ALL, outcomes("", [])],
    [
      "without --allow-addons the error names it",
      without("--allow-addons"),
      outcomes("--allow-addons", acrossProcesses),
    ],
    [
      "without --allow-child-process the error names it",
      without("--allow-child-process"),
      outcomes("--allow-child-process", ["process", "processes", "a process below a process"]),
    ],
    [
      "without several the error names each",
      ALL.slice(0, 1),
      {
        ...outcomes("--allow-child-process --allow-addons --allow-fs-write=/proc/*", acrossProcesses),
        ...Object.fromEntries(
          ["memory", "process", "machine"].map((deed) => [
            deed,
            "ERR_ALLCORES_PERMISSION --allow-addons --allow-fs-write=/proc/*",
          ]),
        ),
        ...Object.fromEntries(THREADS.map((deed) => [deed, "ERR_ALLCORES_PERMISSION --allow-worker"])),
      },
    ],
    ["without --allow-worker the error names it", without("--allow-worker"), outcomes("--allow-worker", THREADS)],
    [
      "without --allow-fs-write the error names what has to be written to",
      without("--allow-fs-write"),
      outcomes("--allow-fs-write=/proc/*", acrossProcesses),
    ],
    [
      "with the program's own files alone the error names what has to be read",
      [...without("--allow-fs-read"), OWN_FILES],
      outcomes("--allow-fs-read=/proc/*", acrossProcesses),
    ],
    [
      "with no more of the file system than the errors name everything works, but for what programs of the machine share",
      [...without("--allow-fs"), OWN_FILES, "--allow-fs-read=/proc/*", "--allow-fs-write=/proc/*"],
      {
        ...outcomes("", []),
        machine: `ERR_ALLCORES_PERMISSION ${["/dev/shm", "/tmp", "/var/tmp"].flatMap((folder) => [`--allow-fs-read=${folder}/*`, `--allow-fs-write=${folder}/*`]).join(" ")}`,
      },
    ],
    [
      "and that too with the folders of its lock",
      [
        ...without("--allow-fs"),
        OWN_FILES,
        ...["/proc", "/dev/shm", "/tmp", "/var/tmp"].flatMap((folder) => [
          `--allow-fs-read=${folder}/*`,
          `--allow-fs-write=${folder}/*`,
        ]),
      ],
      outcomes("", []),
    ],
  ];
  for (const [what, flags, expected] of cases)
    test(what, async () => {
      const { code, output } = await startProgram([PERMISSION, ...flags], "permission").ended;
      assert.equal(code, 0);
      assert.deepEqual(JSON.parse(output), expected);
    });
});
