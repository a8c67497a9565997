export { allowModules, checkAllowed, decodeLoading, FROM_HERE, isAllowed, knowModule, type Origin } from "./allowed-modules.js";
export { decode, lose } from "./decode.js";
export { encode, encodeError } from "./encode.js";
export type { EncodeOptions } from "./encoder.js";
export type { Message } from "./message.js";
export { type ModuleSource, moduleUrl } from "./module-url.js";
export { type Boundary, type Crosses, crossing, isCrossing, type Parcel, registerKind } from "./parcel.js";
export { decodeHook, encodeHook, sendable, type SendableClass } from "./sendable.js";
export { takeTransfers, transfer } from "./transfer.js";
