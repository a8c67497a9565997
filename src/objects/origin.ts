/** Where objects were created, while that is kept. */

/** Where each object was created that this worker made while origins were kept. */
let origins: WeakMap<object, Error> | undefined;

/** Whether objects that are created from now on remember where. */
export function keepOrigins(keep: boolean): void {
  if (!keep) origins = undefined;
  else origins ??= new WeakMap();
}

/** Remembers, where that is kept, that an object which is attached by a handle is created here. */
export function noteOrigin(object: object): void {
  origins?.set(object, new Error());
}

/** The stack of an object's creation, if it was kept. */
export function originOf(object: object): string | undefined {
  return origins?.get(object)?.stack;
}
