/** A copy of the library with one planted bug, which the models must find. */
export interface Mutant {
  /** What is wrong with it, as in "lock: a release wakes nobody". */
  readonly name: string;
  /** The file of src/ that differs. */
  readonly file: string;
  /** What stands there; exactly once, wherever its lines are broken. */
  readonly from: string;
  /** What stands there in the mutant. */
  readonly to: string;
  /** The models to explore it with: those whose title begins with one of these. */
  readonly models: readonly string[];
}
