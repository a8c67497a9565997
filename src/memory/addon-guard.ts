/**
 * While Node loads an addon into a thread, and while that makes an object, the thread must not be terminated: the addon
 * would have to throw in a thread that ends, which Node's addon interface answers by aborting the program. So these and
 * terminating exclude each other, by a mutex of the thread heap. A thread that is terminated while it waits for the
 * mutex has loaded nothing. A thread that enters after `terminate()` has returned comes to its end at the next call,
 * before the addon.
 * What is left: threads that Node ends by itself, since the thread that started them ended.
 */
import { HEADER } from "./layout.js";
import { enter, leave } from "./mutex.js";
import { guardAddons } from "../platform/index.js";
import { threadHeap } from "./thread-heap.js";

/** Loads an addon, has it make an object, or terminates a thread: one at a time in this process. */
export function underAddonGuard<R>(section: () => R): R {
  const heap = threadHeap();
  enter(heap, HEADER.addonGuard);
  try {
    return section();
  } finally {
    leave(heap, HEADER.addonGuard);
  }
}

guardAddons(underAddonGuard);
