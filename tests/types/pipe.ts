/** What the compiler accepts and refuses; nothing here runs. */
import { type Connection, createPipe, Process, type ReceivingConnection, type SendingConnection, task } from "allcores";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectType<Expected>() {
  return <Actual>(_value: Actual, _same: Same<Actual, Expected>): void => {};
}

export async function pipes(): Promise<void> {
  const [here, there] = createPipe<string, number>({ across: "processes", capacity: 1000, label: "questions" });
  expectType<Connection<string, number>>()(here, true);
  expectType<Connection<number, string>>()(there, true);
  expectType<number>()(here.recvSync({ timeout: 5 }), true);
  expectType<string>()(await there.recv({ timeout: 5, signal: AbortSignal.timeout(5) }), true);
  expectType<{ value: string } | undefined>()(there.tryRecv(), true);
  expectType<boolean>()(here.trySend("x"), true);
  expectType<Promise<void>>()(here.send("x"), true);
  expectType<Promise<boolean>>()(here.poll({ timeout: 5 }), true);
  expectType<boolean>()(here.pollSync(), true);
  expectType<number>()(here.recvIntoSync(Buffer.alloc(1)), true);
  expectType<Promise<number>>()(here.recvInto(new Float64Array(1)), true);
  for (const item of there) expectType<string>()(item, true);
  for await (const item of here) expectType<number>()(item, true);
  expectType<[Connection<Date, Date>, Connection<Date, Date>]>()(createPipe<Date>(), true);
  expectType<[Connection<unknown, unknown>, Connection<unknown, unknown>]>()(createPipe(), true);

  // @ts-expect-error a message of another type
  here.sendSync(5);
  // @ts-expect-error a message of another type
  await there.send("x");
  // @ts-expect-error there may be none
  here.tryRecv().value;
  // @ts-expect-error a blocking wait cannot be aborted
  here.recvSync({ signal: AbortSignal.timeout(5) });
  // @ts-expect-error text is no buffer
  here.recvIntoSync("x");
  // @ts-expect-error ends are made by createPipe
  new (here.constructor as typeof Connection)();
}

export function oneWay(): void {
  const [receiver, sender] = createPipe<string>({ duplex: false });
  expectType<ReceivingConnection<string>>()(receiver, true);
  expectType<SendingConnection<string>>()(sender, true);
  sender.sendSync("x");
  expectType<string>()(receiver.recvSync(), true);
  for (const item of receiver) expectType<string>()(item, true);
  // @ts-expect-error it only receives
  receiver.sendSync("x");
  // @ts-expect-error it only receives
  receiver.trySend("x");
  // @ts-expect-error it only sends
  sender.recvSync();
  // @ts-expect-error it only sends
  sender.pollSync();
  // @ts-expect-error it only sends
  for (const item of sender) void item;
  sender.close();
}

const ask = task(import.meta, function ask(end: Connection<string, number>) {
  end.sendSync("how many?");
  return end.recvSync();
});
const listen = task(import.meta, function listen(end: ReceivingConnection<string>) {
  return end.recvSync();
});

export async function held(): Promise<void> {
  const [here, there] = createPipe<string, number>();
  Process.start(ask, here);
  // @ts-expect-error the other end of the pipe
  Process.start(ask, there);
  const [receiver] = createPipe<string>({ duplex: false });
  Process.start(listen, receiver);
  await using open = createPipe()[0];
  using closed = createPipe()[0];
  void [open, closed];
  // @ts-expect-error a capacity is a number
  createPipe({ capacity: "1 MB" });
}
