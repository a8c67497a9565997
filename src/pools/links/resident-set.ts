import { platform } from "../../platform/index.js";
import type { Agenda, Appointment } from "../agenda.js";

const EVERY_MS = 50;
const MEGABYTE = 2 ** 20;

/**
 * Looks at a process's resident memory, without what it shares with others, and calls `exceeded` once it is more than
 * `limit` megabytes.
 */
export function watchResidentSet(
  agenda: Agenda,
  pid: () => number | undefined,
  limit: number,
  exceeded: () => void,
): { readonly isExceeded: boolean; stop(): void } {
  let next: Appointment;
  const watch = { isExceeded: false, stop: () => next.clear() };
  const lookLater = () => {
    next = agenda.after(EVERY_MS, look).unref();
  };
  const look = () => {
    const id = pid();
    const resident = id === undefined ? undefined : platform.resources.residentBytes(id);
    if (resident === undefined || resident <= limit * MEGABYTE) {
      lookLater();
      return;
    }
    watch.isExceeded = true;
    exceeded();
  };
  lookLater();
  return watch;
}
