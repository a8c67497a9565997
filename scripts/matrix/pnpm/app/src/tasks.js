import { task } from "allcores";

export const square = task(import.meta, "square", (n) => n * n);
