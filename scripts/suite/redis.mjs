// The server that the tests of the remote pool need, before any of them runs: several at a time would install it at the
// same time, and all but one would fail.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const PACKAGE = "redis-server";
const PROGRAMS = ["redis-server", "valkey-server"];
const INSTALL_MS = 300_000;

/**
 * Installs a server where these test files need one, there is none, and Debian's packages can be installed. What cannot
 * be installed the tests themselves tell.
 */
export function provideRedis(files) {
  if (!files.some((file) => /(^|[\\/])(remote|cli)[\\/]/.test(file)) || process.env.REDIS_URL !== undefined) return;
  const folders = (process.env.PATH ?? "").split(delimiter);
  if (folders.some((folder) => PROGRAMS.some((program) => existsSync(join(folder, program))))) return;
  if (process.getuid?.() !== 0 || !existsSync("/etc/debian_version")) return;
  console.log(`installing ${PACKAGE}, which the tests of the remote pool need`);
  // The lists of packages may be missing, or older than the packages.
  if (!apt("install", "-y", "--no-install-recommends", PACKAGE) && apt("update"))
    apt("install", "-y", "--no-install-recommends", PACKAGE);
}

/** Whether it came to its end well. */
function apt(...args) {
  try {
    execFileSync("apt-get", args, {
      stdio: ["ignore", "ignore", "inherit"],
      timeout: INSTALL_MS,
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
    return true;
  } catch (error) {
    console.error(`apt-get ${args.join(" ")}: ${error.message}`);
    return false;
  }
}
