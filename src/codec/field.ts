/**
 * Gives an object a field of its own. Plain assignment would run setters, or fail on read-only fields, that its prototype has;
 * and a field named `__proto__` must not replace the prototype.
 */
export function defineField(object: object, key: string, value: unknown, enumerable: boolean): void {
  if (enumerable && !(key in object)) (object as Record<string, unknown>)[key] = value;
  else Reflect.defineProperty(object, key, { value, enumerable, configurable: true, writable: true });
}
