/** What the decoder is to those who read objects of one class. */
import type { ByteReader } from "./byte-reader.js";
import type { Registration } from "./registration.js";

export interface ValueReader extends ByteReader {
  read(): unknown;
  /** The object that this tag begins, at the level of the one that is being read. */
  objectOf(tag: number): unknown;
  /** Takes the next identity number, in the order in which the encoder gave them. */
  reserve(): number;
  /** Says which object has an identity number. */
  resolve<T>(identity: number, value: T): T;
  /** Whether a map or set ends here; if so, that is read. */
  skipEnd(): boolean;
  /**
   * Called before a field is set; `places` is for how many fields the object has room, what is returned for how many it
   * has then.
   */
  makeRoom(object: object, key: string, places: number): number;
  /** A resizable buffer is about to set aside so much address space. */
  reserveSpace(bytes: number): void;
  /** The class at that place of this message's table, undefined where it is not registered. */
  classAt(index: number): Registration | undefined;
  /** Whether nothing is to be made of what is read. */
  readonly isLosing: boolean;
}
