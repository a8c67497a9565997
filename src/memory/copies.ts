/**
 * What the copies of this library in one realm have together. Two dependencies may bring a copy each, and one may stand
 * in a bundle.
 *
 * Copies of one version work as one: what is registered with either is known to both. What they have together lies on
 * `globalThis`, under symbols with the version in their names. So a copy of another version neither reads nor writes
 * it, and says that it met another version where it can tell. An object of another copy is known by a method that such
 * a symbol names: it is no instance of this copy's classes.
 */
import { ownDescriptor } from "../errors/index.js";
import { LAYOUT_VERSION } from "./layout.js";

/**
 * Raised with every change of what copies have together: of what `together` keeps, and of what a versioned symbol
 * names.
 */
const TOGETHER_VERSION = 1;
/** Copies with the same work together. */
const VERSION = `${LAYOUT_VERSION}.${TOGETHER_VERSION}`;

/** A property of an object by which copies of one version know each other's, and the same with any version. */
export function versioned(name: string): symbol {
  return Symbol.for(`allcores.${name}@${VERSION}`);
}

/** The one object of that name which all copies of this version in this realm use. */
export function together<T extends object>(name: string, make: () => T): T {
  return onRealm(versioned(name), make);
}

/** What a copy tells others of itself, whatever their versions: so this never changes. */
interface Announcement {
  /** Whether a class was registered with it. */
  hasClass(prototype: object): boolean;
  /** The same, by module and name. */
  findsClass(module: string, className: string): boolean;
}

const announced = onRealm(Symbol.for("allcores.copies"), () => new Map<string, Announcement>());

/** Copies of other versions can ask from here on. */
export function announce(announcement: Announcement): void {
  if (!announced.has(VERSION)) announced.set(VERSION, announcement);
}

/** Whether a copy of another version in this realm says so of itself. */
function isSaidElsewhere(asked: (announcement: Announcement) => boolean): boolean {
  return [...announced].some(([version, announcement]) => version !== VERSION && asked(announcement));
}

/** Whether instances of the class with this prototype are known to a copy of another version. */
export function isClassElsewhere(prototype: object): boolean {
  return isSaidElsewhere((announcement) => announcement.hasClass(prototype));
}

/**
 * For an error of something that was not found here: that a copy of another version may have it. Empty where there is
 * none, or it does not have the class that was looked for.
 */
export function hintOfVersions(module?: string, className?: string): string {
  const has = isSaidElsewhere(
    (announcement) => module === undefined || className === undefined || announcement.findsClass(module, className),
  );
  return has
    ? `; another version of allcores is loaded here too, and what is registered with that one is unknown to this one: ${ONE_VERSION}`
    : "";
}

/** What to do about it. */
export const ONE_VERSION = "have one version in the program (npm ls allcores shows them)";

/** Whether an object has what copies of another version know their own by. */
export function isOfOtherVersion(object: object, name: string): boolean {
  const own = versioned(name);
  for (let each: object | null = object; each !== null; each = Object.getPrototypeOf(each) as object | null) {
    if (
      Object.getOwnPropertySymbols(each).some(
        (symbol) => symbol !== own && symbol.description?.startsWith(`allcores.${name}@`) === true,
      )
    )
      return true;
  }
  return false;
}

/**
 * Not enumerable: a test runner that lists what a program leaves on `globalThis` finds nothing. Configurable, so that a
 * runner can take a realm down.
 */
function onRealm<T extends object>(key: symbol, make: () => T): T {
  const realm = globalThis as unknown as Record<symbol, T>;
  if (!Object.hasOwn(realm, key))
    Object.defineProperty(realm, key, ownDescriptor({ value: make(), configurable: true, writable: true }));
  return realm[key]!;
}
