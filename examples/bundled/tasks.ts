import { currentWorker, task } from "allcores";

export const greet = task(import.meta, "greet", (name: string) => `${currentWorker().name} greets ${name}`);
