/** What a Condition asks of its lock: to give it up, all levels of it, and to take it back under the same holds. */
export const suspend: unique symbol = Symbol("suspend");
export const reacquire: unique symbol = Symbol("reacquire");
export const reacquireSync: unique symbol = Symbol("reacquireSync");
