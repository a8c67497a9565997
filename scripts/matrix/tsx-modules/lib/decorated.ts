/** Says which decorators the class was compiled with: those of the language, or the older ones of TypeScript. */
export let kind = "none";

function decorator(_class: unknown, context?: { kind: string }): void {
  kind = context?.kind ?? "legacy";
}

@decorator
export class Squared {
  constructor(readonly of: number) {}

  get value(): number {
    return this.of * this.of;
  }
}
