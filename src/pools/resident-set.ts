import { clearRealInterval, readProcFile, setRealInterval } from "../memory/index.js";

const EVERY_MS = 50;
const PAGE_BYTES = 4096;
const MEGABYTE = 2 ** 20;

/** Looks at a process's resident memory, without what it shares with others, and calls `exceeded` once it is more than `limit` megabytes. */
export function watchResidentSet(pid: () => number | undefined, limit: number, exceeded: () => void): { readonly isExceeded: boolean; stop(): void } {
  const watch = { isExceeded: false, stop: () => clearRealInterval(timer) };
  const timer = setRealInterval(() => {
    const resident = residentBytes(pid());
    if (resident === undefined || resident <= limit * MEGABYTE) return;
    watch.isExceeded = true;
    watch.stop();
    exceeded();
  }, EVERY_MS);
  timer.unref();
  return watch;
}

function residentBytes(pid: number | undefined): number | undefined {
  try {
    const [, resident, shared] = readProcFile(`/proc/${pid}/statm`)!.toString("latin1").split(" ").map(Number);
    return (resident! - shared!) * PAGE_BYTES;
  } catch {
    return undefined;
  }
}
