/**
 * What somebody has put into `Object.prototype` was given to no call of ours: an `env`, a `timeout` or a `get` there
 * must neither become an option nor make a property's descriptor invalid.
 *
 * While that object is as the language makes it, options are used as they are given. Rejected: copying them always,
 * which costs a call more than it does itself.
 */

/** Has nothing but what is in `Object.prototype`. */
const EMPTY: object = Object.freeze({});
/** So many properties the language itself gives to it. */
const PRISTINE = 12;

/** Whether somebody has put anything there. */
function isPolluted(): boolean {
  return Reflect.ownKeys(Object.prototype).length > PRISTINE;
}

/** The options that were given: the same object, unless there would be others in it. */
export function ownOptions<O>(options: O): O {
  if (
    typeof options !== "object" ||
    options === null ||
    !isPolluted() ||
    Object.getPrototypeOf(options) !== Object.prototype
  )
    return options;
  return Object.assign(Object.create(null) as O & object, options);
}

/** The same, where each nanosecond counts, of options for waiting. */
export function ownWaitOptions<O>(options: O): O {
  return "timeout" in EMPTY || "signal" in EMPTY ? ownOptions(options) : options;
}

/** The same of options for encoding. */
export function ownEncodeOptions<O>(options: O): O {
  const isAdded =
    "root" in EMPTY ||
    "attach" in EMPTY ||
    "transfer" in EMPTY ||
    "lend" in EMPTY ||
    "tells" in EMPTY ||
    "keeps" in EMPTY ||
    "marks" in EMPTY ||
    "list" in EMPTY;
  return isAdded ? ownOptions(options) : options;
}

/** A property's descriptor. */
export function ownDescriptor(descriptor: PropertyDescriptor): PropertyDescriptor {
  const isAdded =
    "get" in EMPTY ||
    "set" in EMPTY ||
    "value" in EMPTY ||
    "writable" in EMPTY ||
    "enumerable" in EMPTY ||
    "configurable" in EMPTY;
  return isAdded ? (Object.assign(Object.create(null), descriptor) as PropertyDescriptor) : descriptor;
}

/** Descriptors by the names of their properties. */
export function ownDescriptors(descriptors: PropertyDescriptorMap): PropertyDescriptorMap {
  const own = Object.create(null) as PropertyDescriptorMap;
  for (const name of Reflect.ownKeys(descriptors)) own[name as string] = ownDescriptor(descriptors[name as string]!);
  return own;
}
