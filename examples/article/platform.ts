import { Lock, PlatformError } from "allcores";

/** Why processes cannot share memory on this system; undefined where they can. */
export const whyNoProcesses: string | undefined = reason();

function reason(): string | undefined {
  try {
    new Lock({ across: "processes" }).free();
    return undefined;
  } catch (error) {
    if (error instanceof PlatformError) return error.message;
    throw error;
  }
}
