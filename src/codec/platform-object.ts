import { baseOf } from "./builtin-object.js";
import { addedField, classNameOf, hostClassOf } from "./host-object.js";
import type { Boundary } from "./marshalled.js";
import type { PathStep } from "./path.js";
import { type Refusal, refusalOf, refusalOfHostObject } from "./refusal.js";

/** What an encoder lets go beside its message. */
interface PlatformWriter {
  readonly to: Boundary;
  readonly attach: boolean;
  transfer: readonly object[];
  attaches(value: object): boolean;
  attachment(value: object): void;
  descend(): number;
  step(depth: number, step: PathStep): void;
  refuse(refusal: Refusal): never;
}

/** An object of the platform rides beside the message, where that goes by a thread's port. */
export function writePlatformObject(encoder: PlatformWriter, value: object): void {
  const hostClass = hostClassOf(value);
  if (hostClass === undefined && !encoder.attaches(value)) {
    const base = baseOf(Object.getPrototypeOf(value) as object);
    encoder.refuse(refusalOf(value, base?.write === undefined ? base?.name : undefined));
  }
  if (!encoder.attach) encoder.refuse(refusalOfHostObject(value, encoder.to));
  const added = addedField(value);
  if (added !== undefined) {
    encoder.step(encoder.descend(), added);
    encoder.refuse({
      what: `a field added to a ${classNameOf(value)}, which only the platform carries,`,
      fix: "send it beside the object",
    });
  }
  if (hostClass?.moves === true && !encoder.attaches(value)) encoder.transfer = [...encoder.transfer, value];
  encoder.attachment(value);
}
