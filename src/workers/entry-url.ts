/**
 * Which file runs first in a worker: this library's index itself. A worker so loads one file before the module of its
 * task, and that module's own import of the library finds it loaded. Rejected: an entry file per kind of worker, which
 * made four files of it and a start a fifth slower.
 */
import { checkOwnFile } from "../platform/index.js";

let url = "";

export function setEntryUrl(index: string): void {
  url = index;
}

/** @throws StateError where it is not there */
export function entryUrl(): URL {
  checkOwnFile(url);
  return new URL(url);
}
