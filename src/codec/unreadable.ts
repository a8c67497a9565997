import { isThrown, textOfThrown, UnsendableError } from "../errors/index.js";

/** Names an error that somebody else's code threw while the value was read: a getter, a Proxy, an encode hook. */
export function unreadable(path: string, error: unknown): UnsendableError {
  if (isThrown(error, RangeError) && /call stack/.test(textOfThrown(error))) {
    return new UnsendableError(
      path,
      `${path} is nested deeper than the rest of the stack allows and cannot cross to another worker`,
      { cause: error },
    );
  }
  return new UnsendableError(
    path,
    `${path} could not be read and cannot cross to another worker: ${textOfThrown(error)}`,
    { cause: error },
  );
}

/** A buffer that was read is gone, or shorter, before the message was whole. */
export function changedError(path: string): UnsendableError {
  const what = "a buffer that was transferred, or made shorter, while the value was read";
  return new UnsendableError(
    path,
    `${path} is ${what}, and cannot cross to another worker: a getter or a Proxy in the value must not change the rest of it`,
  );
}
