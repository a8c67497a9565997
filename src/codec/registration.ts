/** The classes whose instances can travel, as `sendable` registers them. */
import { announce, together } from "../memory/index.js";

/** A class whose instances can travel: all but a hidden constructor, as long as its prototype is an object. */
export type SendableClass = abstract new (...args: never[]) => object;

/** A class under the name by which all workers know it. */
export interface Registration {
  readonly module: string;
  readonly className: string;
  readonly registered: SendableClass;
  readonly encode: ((instance: object) => unknown) | undefined;
  readonly decode: ((data: unknown) => object) | undefined;
}

const { byPrototype, byIdentity } = together("sendable", () => ({
  byPrototype: new WeakMap<object, Registration>(),
  byIdentity: new Map<string, Registration>(),
}));
announce({
  hasClass: (prototype) => byPrototype.has(prototype),
  findsClass: (module, className) => byIdentity.has(identity(module, className)),
});
/** From here on instances with this prototype can travel. */
export function register(prototype: object, registration: Registration): void {
  byPrototype.set(prototype, registration);
  byIdentity.set(identity(registration.module, registration.className), registration);
}

export function registrationOf(prototype: object): Registration | undefined {
  return byPrototype.get(prototype);
}

export function findRegistration(module: string, className: string): Registration | undefined {
  return byIdentity.get(identity(module, className));
}

function identity(module: string, className: string): string {
  return `${module}#${className}`;
}
