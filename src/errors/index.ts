export { type AllcoresError, branded, type ErrorCode, isAllcoresError } from "./base.js";
export { KnownOptions } from "./known-options.js";
export * from "./misuse.js";
export * from "./outcome.js";
export * from "./outside.js";
export { isThrown, textOfThrown } from "./thrown.js";
