import fs from "node:fs";
import type { Signals } from "../contract.js";

export const signals: Signals = {
  isCaught(pid, signal) {
    try {
      const mask = /^SigCgt:\s*([0-9a-f]+)$/m.exec(fs.readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
      return mask !== undefined && ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
    } catch {
      return false;
    }
  },
};
