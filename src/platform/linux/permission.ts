import { loadingAddons, type PermissionNeed, readingIn, writingIn } from "../permission.js";

/** koffi is native code, and other processes' descriptors are opened through /proc. */
export const NEEDS: readonly PermissionNeed[] = [loadingAddons, readingIn("/proc"), writingIn("/proc")];
