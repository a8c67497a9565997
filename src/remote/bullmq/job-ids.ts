const TAKEN = /[%:]|^=|^-?\d+$/;

/** Ids as BullMQ takes them: no colon, and no whole number. */
export function toJobId(id: string): string {
  if (!TAKEN.test(id)) return id;
  const escaped = id.replace(/[%:]/g, (sign) => (sign === "%" ? "%25" : "%3A")).replace(/^=/, "%3D");
  return /^-?\d+$/.test(escaped) ? `=${escaped}` : escaped;
}

export function fromJobId(id: string): string {
  if (!id.includes("%")) return id.startsWith("=") ? id.slice(1) : id;
  return id.replace(/^=/, "").replaceAll("%3D", "=").replaceAll("%3A", ":").replaceAll("%25", "%");
}
