/**
 * The same options without a prototype, for Node: which would otherwise take what somebody has added to
 * `Object.prototype`, an `env` or a `uid`, for an option of ours.
 */
export function bare<T extends object>(options: T): T {
  return Object.assign(Object.create(null) as T, options);
}
