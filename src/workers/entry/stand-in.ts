/**
 * What a module of the library exports before the code of it is loaded: a module's exports are made when it is
 * evaluated, and few workers use them all. The code is loaded on first use.
 *
 * For a class it is a proxy, which answers as the class itself: `instanceof`, `extends`, `prototype` and static
 * methods are the class's own. So what the library makes is an instance of both. Only `constructor`, by which a class
 * is found from its instance, has to be told. Rejected: a class whose methods come later, since private names belong
 * to the text of one class.
 */
type Class = abstract new (...args: never[]) => object;
type AnyFunction = (...args: never[]) => unknown;

export function lateClass(name: string, load: () => Class): Class {
  let loaded: Class | undefined;
  const real = (): Class => {
    if (loaded !== undefined) return loaded;
    loaded = load();
    const prototype = loaded.prototype as object;
    const named = Object.getOwnPropertyDescriptor(prototype, "constructor");
    if (named?.value === loaded) Object.defineProperty(prototype, "constructor", { ...named, value: standIn });
    return loaded;
  };
  // A proxy may not contradict what cannot be changed of its target: a bound function has no prototype of its own.
  const target = Object.defineProperty(class {}.bind(undefined), "name", { value: name }) as unknown as Class;
  const standIn: Class = new Proxy(target, {
    construct: (_, args, newTarget) =>
      Reflect.construct(real() as never, args, newTarget === standIn ? real() : newTarget) as object,
    get: (_, key) => (key === "name" ? name : Reflect.get(real(), key)),
    set: (_, key, value) => Reflect.set(real(), key, value),
    has: (_, key) => Reflect.has(real(), key),
    ownKeys: () => Reflect.ownKeys(real()),
    getOwnPropertyDescriptor: (_, key) => {
      const descriptor = Reflect.getOwnPropertyDescriptor(real(), key);
      return descriptor && { ...descriptor, configurable: true };
    },
    defineProperty: (_, key, descriptor) => Reflect.defineProperty(real(), key, descriptor),
    getPrototypeOf: () => Reflect.getPrototypeOf(real()),
  });
  return standIn;
}

export function lateFunction(name: string, load: () => AnyFunction): AnyFunction {
  let loaded: AnyFunction | undefined;
  return Object.defineProperty((...args: never[]) => (loaded ??= load())(...args), "name", { value: name });
}
