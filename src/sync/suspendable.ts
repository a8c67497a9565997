/** What a Condition asks of its lock: to give it up, all levels of it, and to take it back under the same holds. */
export const suspend: unique symbol = Symbol("suspend");
export const reacquire: unique symbol = Symbol("reacquire");
/** Throws where a blocking wait could never take it back. */
export const checkReturn: unique symbol = Symbol("checkReturn");
export const reacquireSync: unique symbol = Symbol("reacquireSync");
