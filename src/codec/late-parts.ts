import { types } from "node:util";
import { isDetached } from "./binary.js";
import type { PathStep } from "./path.js";

const noSteps: readonly PathStep[] = [];

/**
 * What leaves a value only once the whole value is read: large binaries are copied then, and what rides beside is
 * moved. A getter or a Proxy that was read after them may have taken them away, so the ways to them are kept.
 */
export class LateParts {
  /** By the number of the piece, or of the attachment. */
  private readonly pieces: (readonly PathStep[])[] = [];
  private readonly attachments: (readonly PathStep[])[] = [];

  notePiece(number: number, steps: readonly PathStep[]): void {
    this.pieces[number] = steps;
  }

  noteAttachment(number: number, steps: readonly PathStep[]): void {
    this.attachments[number] = steps;
  }

  /**
   * The way to a part that was taken away: `piece`, if that is one, or else one of the attachments. Undefined where all
   * are as they were.
   */
  changed(piece: number, attachments: readonly unknown[]): readonly PathStep[] | undefined {
    if (piece >= 0) return this.pieces[piece] ?? noSteps;
    const attachment = attachments.findIndex((each) => types.isArrayBuffer(each) && isDetached(each));
    return attachment < 0 ? undefined : (this.attachments[attachment] ?? noSteps);
  }

  forget(): void {
    if (this.pieces.length > 0) this.pieces.length = 0;
    if (this.attachments.length > 0) this.attachments.length = 0;
  }
}
