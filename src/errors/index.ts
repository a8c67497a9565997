export { type AllcoresError, branded, type ErrorCode, isAllcoresError } from "./base.js";
export { checkFunction } from "./function-argument.js";
export { KnownOptions } from "./known-options.js";
export * from "./misuse.js";
export * from "./outcome.js";
export * from "./outside.js";
export * from "./remote.js";
export { ownDescriptor, ownDescriptors, ownEncodeOptions, ownOptions, ownWaitOptions } from "./own-options.js";
export { isError, isThrown, textOfThrown } from "./thrown.js";
