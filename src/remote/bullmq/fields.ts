/** What the hash of a job holds beside what BullMQ writes. */
export const FIELD = { out: "allcores:out", run: "allcores:run", losses: "allcores:losses" } as const;
