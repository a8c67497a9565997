/** Worker of tinypool that moves what it gets back. */
import Tinypool from "tinypool";

export function handBack(buffer: ArrayBuffer): unknown {
  return Tinypool.move(buffer);
}
