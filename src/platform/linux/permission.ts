import { loadingAddons, type Need, readingIn, writingIn } from "../permission.js";

/** koffi is native code, and other processes' descriptors are opened through /proc. */
export const NEEDS: readonly Need[] = [loadingAddons, readingIn("/proc"), writingIn("/proc")];
