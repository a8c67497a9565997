import { areMarksLeft, markOf, takeMark } from "./transfer.js";

const nothing: readonly never[] = [];

/** The marks of `transfer()` that one message meets, and uses up once it is written. */
export class TransferMarks {
  /** Values whose mark this message takes. */
  private readonly values: object[] = [];
  private moves = false;

  /** Whether a message of this kind looks for marks, and there are any. */
  begin(kind: "move" | "drop" | undefined): boolean {
    this.moves = kind === "move";
    return kind !== undefined && areMarksLeft();
  }

  /** What is to be moved with a value; undefined if it has no mark, or came before. */
  of(value: object): readonly object[] | undefined {
    const list = markOf(value);
    if (list === undefined || this.values.includes(value)) return undefined;
    return this.moves ? list : nothing;
  }

  note(value: object): void {
    this.values.push(value);
  }

  /** The message is written. */
  take(): void {
    for (const value of this.values) takeMark(value);
    this.forget();
  }

  forget(): void {
    this.values.length = 0;
  }
}
