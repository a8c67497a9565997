import type { ChildProcess } from "node:child_process";

/**
 * The children that this thread started and that have not been heard to end. What starts them is loaded on first use,
 * and diagnosis asks for this in workers that start none.
 */
export const livingChildren = new Set<ChildProcess>();
