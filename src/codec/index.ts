export {
  allowModules,
  checkAllowed,
  decodeLoading,
  FROM_ELSEWHERE,
  FROM_HERE,
  isAllowed,
  knowModule,
  type Origin,
} from "./allowed-modules.js";
export { decode, holdCopy, lose } from "./decode.js";
export { encode, encodeError } from "./encode.js";
export type { EncodeOptions } from "./encode-options.js";
export { mainProgram, setMainProgram } from "./main-module.js";
export type { Message } from "./message.js";
export { isUrl, type ModuleSource, moduleUrl } from "./module-url.js";
export { type Boundary, type Crosses, crossing, isCrossing, type Marshalled, registerKind } from "./marshalled.js";
export type { SendableClass } from "./registration.js";
export { decodeHook, encodeHook, sendable } from "./sendable.js";
export { transfer } from "./transfer.js";
