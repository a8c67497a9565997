export { type AllcoresError, branded, type ErrorCode, isAllcoresError } from "./base.js";
export * from "./misuse.js";
export * from "./outcome.js";
export * from "./outside.js";
export { isThrown, textOfThrown } from "./thrown.js";
