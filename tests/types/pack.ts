/** What the compiler accepts and refuses; nothing here runs. */
import { Lock, pack, type Packed, SharedMemory, unpack, Value } from "allcores";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectType<Expected>() {
  return <Actual>(_value: Actual, _same: Same<Actual, Expected>): void => {};
}

export function packing(arrived: unknown): void {
  const shared = { lock: new Lock({ across: "processes" }), counts: [new Value("int32")] };
  const message = pack(shared);
  expectType<Packed<{ lock: Lock; counts: Value<number>[] }>>()(message, true);
  // What a message was made from is known where its type came along, and said where it did not.
  expectType<{ lock: Lock; counts: Value<number>[] }>()(unpack(message), true);
  expectType<Lock>()(unpack<Lock>(arrived), true);
  expectType<unknown>()(unpack(arrived), true);
  const listener = (message: Packed<{ lock: Lock }>): Lock => unpack(message).lock;
  listener(message);
  pack(shared, { to: "processes" });
  pack(1, { to: undefined });

  // @ts-expect-error there is no such boundary
  pack(shared, { to: "machine" });
  // @ts-expect-error a message of something else
  listener(pack(1));
  // @ts-expect-error not a Lock
  const lock: Lock = unpack(pack(new Value("int32")));
  void lock;
}

export function ofTheMachine(): void {
  expectType<"threads" | "processes" | "machine">()(new Lock({ across: "machine" }).across, true);
  expectType<SharedMemory>()(SharedMemory.openOrCreate("frame", 64, { across: "machine" }), true);
  SharedMemory.open("frame", { across: "machine" });
  // @ts-expect-error its size must be known
  SharedMemory.openOrCreate("frame", { across: "machine" });
  // @ts-expect-error there is no such reach
  SharedMemory.open("frame", { across: "world" });
}
