/** The lock on the machine's memory: nobody but its user can take it, and nobody waits long for it. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { timeLimit } from "../time-limit.js";

const program = join(import.meta.dirname, "../fixtures/programs/opens-machine.js");
const user = process.geteuid!();
/** Longer than it may stand still by far, on a machine that has much else to do; and shorter than the lock is kept. */
const LONGEST_MS = timeLimit(4000);

/** In namespaces of their own, with an empty /dev/shm, where nobody else can have the memory or the lock. */
const apart = [
  ...(user === 0 ? [] : ["--user", "--map-root-user"]),
  "--mount",
  "--pid",
  "--fork",
  "--kill-child",
  "--mount-proc",
];
const emptied = (script: string) => ["unshare", ...apart, "sh", "-c", `mount -t tmpfs none /dev/shm && ${script}`];
const canUnshare = spawnSync("unshare", [...apart, "sh", "-c", "mount -t tmpfs none /dev/shm"]).status === 0;
const canKeep = spawnSync("flock", ["--version"]).status === 0;

function run(script: string): { made: unknown; ms: number; after: string } {
  const [command, ...args] = emptied(`${script}; ls -lnA /dev/shm`);
  const { stdout, stderr, status } = spawnSync(command!, args, {
    encoding: "utf8",
    timeout: timeLimit(50_000),
    env: { ...process.env, PROGRAM: program, NODE: process.execPath },
  });
  assert.equal(status, 0, stderr);
  const [first, ...rest] = stdout.split("\n");
  return { ...(JSON.parse(first!) as { made: unknown; ms: number }), after: rest.join("\n") };
}

test('a lock on / keeps nobody from across: "machine"', { skip: !canKeep, timeout: timeLimit(60_000) }, async () => {
  const keeper = spawn("flock", ["-x", "/", "sh", "-c", "echo kept; exec sleep 50"], {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  try {
    await once(keeper.stdout, "data");
    const { stdout } = spawnSync(process.execPath, [program], { encoding: "utf8" });
    const { made, ms } = JSON.parse(stdout) as { made: unknown; ms: number };
    assert.equal(made, 5);
    assert.ok(ms < LONGEST_MS, `${ms} ms`);
  } finally {
    process.kill(-keeper.pid!, "SIGKILL");
  }
});

test("the lock is an empty file that only this user may open, and it may stay", {
  skip: !canUnshare,
  timeout: timeLimit(60_000),
}, () => {
  const { made, after } = run('umask 000; "$NODE" "$PROGRAM"; "$NODE" "$PROGRAM" >&2');
  assert.equal(made, 5);
  assert.match(after.trim(), /^total 0\n-rw------- 1 \d+ \d+ 0 .* allcores-lock-\d+-[0-9a-f]{16}$/);
});

test("what others have put in its place is passed over", {
  skip: !canUnshare || user !== 0,
  timeout: timeLimit(60_000),
}, () => {
  const others = [
    `touch /dev/shm/allcores-lock-${user}-0; chmod 600 /dev/shm/allcores-lock-${user}-0; chown 65534 /dev/shm/allcores-lock-${user}-0`,
    // Of this user, yet open to all, or no file at all.
    `touch /dev/shm/allcores-lock-${user}-1; chmod 644 /dev/shm/allcores-lock-${user}-1`,
    `ln -s /etc/passwd /dev/shm/allcores-lock-${user}-2`,
    `mkfifo -m 600 /dev/shm/allcores-lock-${user}-3`,
    `mkdir -m 700 /dev/shm/allcores-lock-${user}-4`,
    `(flock -x 8; flock -x 9; sleep 40 &) 8< /dev/shm/allcores-lock-${user}-0 9< /dev/shm/allcores-lock-${user}-1`,
  ];
  const { made, ms, after } = run(`${others.join("; ")}; "$NODE" "$PROGRAM"`);
  assert.equal(made, 5);
  assert.ok(ms < LONGEST_MS, `${ms} ms`);
  assert.match(after, /-rw------- 1 +0 +0 +0 .* allcores-lock-0-[0-9a-f]{16}\n/);
});

test("a program that keeps the lock costs others an AttachError, after no wait of seconds", {
  skip: !canUnshare || !canKeep,
  timeout: timeLimit(60_000),
}, () => {
  const { made, ms } = run(
    '"$NODE" "$PROGRAM" >&2; flock -x /dev/shm/allcores-lock-* sleep 40 & while flock -n /dev/shm/allcores-lock-* true; do sleep 0.05; done; "$NODE" "$PROGRAM"',
  );
  assert.equal(made, "ERR_ALLCORES_ATTACH");
  assert.ok(ms < LONGEST_MS, `${ms} ms`);
});

test("of two files, as two first programs may make them, all are locked", {
  skip: !canUnshare || !canKeep,
  timeout: timeLimit(60_000),
}, () => {
  for (const kept of ["a", "b"]) {
    const files = `for n in a b; do touch /dev/shm/allcores-lock-$(id -u)-$n; chmod 600 /dev/shm/allcores-lock-$(id -u)-$n; done`;
    const file = `/dev/shm/allcores-lock-$(id -u)-${kept}`;
    const { made } = run(
      `${files}; flock -x ${file} sleep 40 & while flock -n ${file} true 2>&-; do sleep 0.05; done; "$NODE" "$PROGRAM"`,
    );
    assert.equal(made, "ERR_ALLCORES_ATTACH", kept);
  }
});

test("no file is left but the lock's", { timeout: timeLimit(60_000) }, () => {
  assert.equal(spawnSync(process.execPath, [program]).status, 0);
  const names = ["/dev/shm", "/tmp", "/var/tmp"].flatMap((folder) =>
    fs.existsSync(folder) ? fs.readdirSync(folder).map((name) => join(folder, name)) : [],
  );
  for (const path of names.filter((name) => name.includes(`allcores-lock-${user}-`))) {
    const { size, mode } = fs.lstatSync(path);
    assert.deepEqual({ size, mode: mode & 0o777 }, { size: 0, mode: 0o600 }, path);
  }
});
