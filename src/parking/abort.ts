/**
 * Who waits under a signal. However many do, one listener stands on the signal: from the eleventh on Node would warn of
 * a leak that is none. Rejected: to raise the limit of the user's signal, which would hide the user's own leaks.
 */
interface Hearers {
  readonly acts: Set<() => void>;
  readonly tell: () => void;
}

const hearers = new WeakMap<AbortSignal, Hearers>();

/** Whether it is a signal, no matter which realm it is of or which library made its class. */
export function isSignal(value: unknown): value is AbortSignal {
  const candidate = value as Partial<AbortSignal> | null;
  return (
    typeof candidate === "object" &&
    candidate !== null &&
    typeof candidate.aborted === "boolean" &&
    typeof candidate.addEventListener === "function" &&
    typeof candidate.removeEventListener === "function"
  );
}

/** Calls `act` once when the signal aborts; not if it has aborted already. In order of arrival. */
export function onAbort(signal: AbortSignal | undefined, act: () => void): void {
  if (signal === undefined || signal.aborted) return;
  let known = hearers.get(signal);
  if (known === undefined) {
    const acts = new Set<() => void>();
    known = {
      acts,
      tell() {
        // One may make another wait end, which takes that one's out before it is told.
        for (const one of acts) {
          acts.delete(one);
          one();
        }
      },
    };
    hearers.set(signal, known);
  }
  if (known.acts.size === 0) signal.addEventListener("abort", known.tell, { once: true });
  known.acts.add(act);
}

/** It is over before that. */
export function offAbort(signal: AbortSignal | undefined, act: () => void): void {
  if (signal === undefined) return;
  const known = hearers.get(signal);
  if (known?.acts.delete(act) && known.acts.size === 0) signal.removeEventListener("abort", known.tell);
}
