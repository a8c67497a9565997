import { clearRealInterval, setRealInterval } from "../../memory/index.js";
import { platform } from "../../platform/index.js";

const EVERY_MS = 50;
const MEGABYTE = 2 ** 20;

/** Looks at a process's resident memory, without what it shares with others, and calls `exceeded` once it is more than `limit` megabytes. */
export function watchResidentSet(pid: () => number | undefined, limit: number, exceeded: () => void): { readonly isExceeded: boolean; stop(): void } {
  const watch = { isExceeded: false, stop: () => clearRealInterval(timer) };
  const timer = setRealInterval(() => {
    const id = pid();
    const resident = id === undefined ? undefined : platform.resources.residentBytes(id);
    if (resident === undefined || resident <= limit * MEGABYTE) return;
    watch.isExceeded = true;
    watch.stop();
    exceeded();
  }, EVERY_MS);
  timer.unref();
  return watch;
}
