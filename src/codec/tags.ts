/**
 * The first byte of every encoded value.
 *
 * | byte        | value                                                                                       |
 * |-------------|---------------------------------------------------------------------------------------------|
 * | 0x00 - 0x3f | a tag of the table below, then what the table says                                          |
 * | 0x40 - 0x7f | a string of 0 to 63 ASCII characters: `0x40 + length`, then its characters                  |
 * | 0x80 - 0xff | an integer from 0 to 127: `0x80 + integer`                                                  |
 *
 * Lengths, counts and indexes are varints: seven bits a byte, lowest first. Numbers of a fixed width are little endian.
 * Every object takes the next identity number where its tag stands, before what it contains: `reference` counts on that
 * order.
 */
export const Tag = {
  undefined: 0x00,
  null: 0x01,
  false: 0x02,
  true: 0x03,
  /** One signed byte. */
  int8: 0x04,
  /** Two bytes. */
  int16: 0x05,
  /** Four bytes. */
  int32: 0x06,
  /** Eight bytes. */
  double: 0x07,
  /** Eight bytes. */
  bigint64: 0x08,
  /** Length, magnitude (big endian). */
  bigintPositive: 0x09,
  /** Length, magnitude (big endian). */
  bigintNegative: 0x0a,
  /** Length in bytes, one byte a character. */
  ascii: 0x0b,
  /** Length in bytes, UTF-8. */
  utf8: 0x0c,
  /** Length in bytes, UTF-16: the only one that carries lone surrogates. */
  utf16: 0x0d,
  /** Identity number of an object that came before. */
  reference: 0x0e,
  /** Count, then that many times key (a string) and value. */
  object: 0x0f,
  /** Length, then that many values, or fewer and `sparseRest`. */
  array: 0x10,
  /**
   * Only inside an array, at its first hole: count, then that many times index and value; all else up to the length is
   * holes.
   */
  sparseRest: 0x11,
  /** Ends a map or a set. */
  end: 0x12,
  /** Key and value in turn, up to `end`. */
  map: 0x13,
  /** Values up to `end`. */
  set: 0x14,
  /** A number: milliseconds, or NaN. */
  date: 0x15,
  /** Two strings: source, flags; then `lastIndex`, which may be any value. */
  regexp: 0x16,
  /** The primitive in the box. */
  boxed: 0x17,
  /** Length, bytes. */
  arrayBuffer: 0x18,
  /** Maximal length, length, bytes. */
  resizableBuffer: 0x19,
  /**
   * Index into `viewClasses`, 1 if it tracks the length of its buffer, offset in bytes, length in elements, the buffer.
   */
  view: 0x1a,
  /** Length, bytes. */
  nodeBuffer: 0x1b,
  /** A string. */
  url: 0x1c,
  /** A string. */
  searchParams: 0x1d,
  /**
   * Name of a class in `errorClasses`, 0 or 1 + index into the class table, then fields: count, and that many times
   * key, 1 if enumerable, value.
   */
  error: 0x1e,
  /** Name and message, then fields as in `error`. */
  domException: 0x1f,
  /** Index into the class table, then fields: count, and that many times key and value. */
  instance: 0x20,
  /** Index into the class table, then the value that the class's own encode hook gave. */
  hookedInstance: 0x21,
  /** Kind (a string), payload. */
  marshalled: 0x22,
  /** Index into what travels beside the bytes. */
  attachment: 0x23,
  /**
   * Only at the very start: count, then that many times module, name, 1 if decoding needs the class; then the value.
   */
  classTable: 0x24,
  /** The shared object whose memory the buffer shows. */
  sharedBuffer: 0x25,
  /** An object without a prototype, otherwise as `object`. */
  bareObject: 0x26,
  /**
   * A built-in object with something added: 0 or 1 + index into the class table, for its class; the object itself,
   * which alone takes an identity number; then fields, as in `instance`.
   */
  dressed: 0x27,
} as const;

/** First byte of a short ASCII string is this plus its length. */
export const shortText = 0x40;
/** Longest string that has its length in its first byte. */
export const shortTextLimit = 63;
/** First byte of a small integer is this plus the integer. */
export const smallInteger = 0x80;

/**
 * How deep values may nest. The same number on both sides and on every stack, so that what was accepted here is never
 * refused there; a default main-thread stack holds 1750 levels even of the costliest kind, instances of classes, in
 * code that is not compiled yet.
 */
export const depthLimit = 1000;

/** The largest BigInt V8 makes has 2^30 bits. */
export const bigintByteLimit = 2 ** 27;

/**
 * The address space that the resizable buffers of one message may set aside: it is no memory, but a process has only so
 * much of it. Each counts for at least `leastReserved`.
 */
export const mostReserved = 2 ** 40;
export const leastReserved = 2 ** 26;

/**
 * How many `\\p{…}` one regular expression may have: V8 keeps all characters of each at hand while it reads the
 * expression, which are up to ten thousand bytes for five of the message.
 */
export const mostClasses = 256;
