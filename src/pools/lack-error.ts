import { StateError } from "../errors/index.js";
import type { Ability } from "./link.js";

/** What is asked of a pool whose links cannot do it. `wanted`: what asks for it; `fix`: what to do. */
export function lackError(title: string, lacks: Ability, wanted: string, fix: string): StateError {
  return new StateError(`${wanted} needs ${lacks}, which the workers of this ${title} do not have: ${fix}`);
}
