import { isAllcoresError, RemoteUnavailableError, textOfThrown, type UnavailableReason } from "../../errors/index.js";

const REFUSALS: readonly (readonly [RegExp, UnavailableReason, string])[] = [
  [
    /WRONGPASS|NOAUTH|NOPERM|invalid password|Client sent AUTH|ERR AUTH/i,
    "auth",
    "the server refused the user or the password: look at options.connection",
  ],
  [
    /READONLY|read only replica/i,
    "read-only",
    "the server takes no writes: connect to the primary, by Sentinel for instance",
  ],
  [
    /^OOM|command not allowed when used memory|maxmemory/i,
    "memory",
    "the server is out of memory: give it more, or keep outcomes shorter by the pool's retention",
  ],
  [/MISCONF|NOREPLICAS|NOSCRIPT|CROSSSLOT|ERR /, "refused", "the server refused it"],
  [
    /Connection is closed|ECONN|EPIPE|ENOTFOUND|ETIMEDOUT|Reached the max retries|Stream isn't writeable|LOADING|CLUSTERDOWN/i,
    "unreachable",
    "the server cannot be reached",
  ],
];

/** What an error of the server means. */
export function refusalOf(error: unknown): RemoteUnavailableError {
  if (isAllcoresError(error) && error.code === "ERR_ALLCORES_REMOTE_UNAVAILABLE")
    return error as RemoteUnavailableError;
  const text = textOfThrown(error);
  for (const [pattern, reason, advice] of REFUSALS)
    if (pattern.test(text) || pattern.test(String((error as { code?: unknown } | undefined)?.code ?? "")))
      return new RemoteUnavailableError(`${advice} (${text})`, { reason, cause: error });
  return new RemoteUnavailableError(`the server refused it (${text})`, { reason: "refused", cause: error });
}

/** Whether waiting will not help: the connection would be refused again and again. */
export function isFinal(error: unknown): boolean {
  return refusalOf(error).reason === "auth";
}
