/** What somebody else's code has thrown may be anything: a Proxy that throws when it is asked what it is, or one that was revoked. Asking must not replace that error, nor end a worker. */

/** `instanceof` for what was thrown; false where the question itself fails. */
export function isThrown<E>(thrown: unknown, errorClass: abstract new (...args: never[]) => E): thrown is E {
  try {
    return thrown instanceof errorClass;
  } catch {
    return false;
  }
}

/** What was thrown, in words: an error's message. */
export function textOfThrown(thrown: unknown): string {
  try {
    return thrown instanceof Error ? String(thrown.message) : String(thrown);
  } catch {
    return "what was thrown cannot be shown";
  }
}
