import { together } from "../memory/index.js";

/**
 * Whether the message that is being encoded, by whatever copy of the library, is lent. Handles say so themselves, since
 * the worker that decodes them must count a hold first.
 */
export const lending = together("lending", () => ({ isOn: false }));
