/** Worker of piscina that moves what it gets back. */
import { move } from "piscina";

export function handBack(buffer: ArrayBuffer): unknown {
  return move(buffer);
}
