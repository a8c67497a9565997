/** A ring with both sides in one thread: room, wrap-around, what was not committed, what was written over. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { lower, NO_RECORD, raise, type RingLayout, RingReader, RingWriter } from "../../src/channels/ring.js";

const AT = 3;
const SIZE = 20;
const LAYOUT: RingLayout = { tail: 0, head: 1, records: 3, size: SIZE };
const FLAG = AT + 2;
/** Where positions begin again. */
const SPAN = SIZE * 2 ** 18;
const CORRUPT = { code: "ERR_ALLCORES_CORRUPT" };

describe("ring", () => {
  const open = (position = 0) => {
    const words = new Int32Array(AT + 3 + SIZE);
    words[AT] = words[AT + 1] = position;
    return { words, writer: new RingWriter(words, AT, LAYOUT), reader: new RingReader(words, AT, LAYOUT) };
  };
  type Sides = ReturnType<typeof open>;
  /** A record that says how many words it has. */
  const send = ({ words, writer }: Sides, size: number) => {
    if (!writer.hasRoom(size)) return false;
    const record = writer.place(size);
    words.fill(size, record, record + size);
    writer.commit(size);
    return true;
  };
  const take = ({ words, reader }: Sides): number | undefined => {
    const record = reader.next();
    if (record === NO_RECORD) return undefined;
    const size = words[record]!;
    assert.deepEqual([...words.subarray(record, record + size)], Array(size).fill(size));
    reader.pass(size);
    reader.release();
    return size;
  };

  for (const position of [0, SPAN - 1, SPAN - SIZE - 7]) {
    test(`records come out whole and in order, from position ${position} on`, () => {
      const sides = open(position);
      const sent: number[] = [];
      const taken: number[] = [];
      for (let turn = 1; turn <= 200; turn++) {
        for (let size = (turn % 7) + 1; send(sides, size); size = (size % 7) + 1) sent.push(size);
        for (let count = turn % 3; count >= 0; count--) {
          const size = take(sides);
          if (size !== undefined) taken.push(size);
        }
      }
      for (let size = take(sides); size !== undefined; size = take(sides)) taken.push(size);
      assert.ok(sent.length > 200);
      assert.deepEqual(taken, sent);
      assert.ok(sides.reader.isEmpty && sides.writer.isDrained);
    });
  }

  test("all words may be in use, and none more", () => {
    const sides = open();
    assert.ok(send(sides, SIZE - 5) && send(sides, 5));
    assert.equal(sides.writer.hasRoom(1), false);
    assert.equal(take(sides), SIZE - 5);
    assert.ok(sides.writer.hasRoom(SIZE - 5));
    assert.equal(sides.writer.hasRoom(SIZE - 5, 1), false);
    assert.equal(sides.writer.hasRoom(SIZE - 4), false);
  });

  test("a record that does not fit before the end stands at the beginning", () => {
    const sides = open(SIZE - 3);
    assert.ok(send(sides, 4));
    assert.equal(sides.words[AT + 3], 4);
    assert.equal(take(sides), 4);
    // The rest before the end counts as in use.
    assert.ok(send(sides, 12));
    assert.equal(sides.writer.hasRoom(9), false);
  });

  test("what was not committed is not there", () => {
    const { words, writer, reader } = open();
    words[writer.place(3)] = 3;
    assert.ok(reader.isEmpty);
    assert.equal(reader.next(), NO_RECORD);
    writer.commit(3);
    assert.notEqual(reader.next(), NO_RECORD);
  });

  test("a reader comes back to what it has not given back, and another one begins there", () => {
    const sides = open();
    send(sides, 2);
    send(sides, 3);
    const { reader, words } = sides;
    const before = reader.position;
    reader.pass(words[reader.next()]!);
    reader.position = before;
    assert.equal(words[reader.next()], 2);
    reader.pass(2);
    assert.equal(words[reader.next()], 3);
    assert.equal(take({ ...sides, reader: new RingReader(words, AT, LAYOUT) }), 2);
  });

  test("a record that leads nowhere, or beyond what was written, is refused", () => {
    const { words, writer, reader } = open();
    words[writer.place(3)] = 3;
    writer.commit(3);
    reader.next();
    for (const size of [0, -1, 4, SIZE + 1]) assert.throws(() => reader.check(size), CORRUPT);
    assert.notEqual(reader.next(), NO_RECORD);
    reader.check(3);
  });

  test("positions that were written over are refused, and written again", () => {
    for (const wrong of [-1, SIZE + 1, 0x7fffffff, -0x80000000]) {
      const sides = open();
      const { words, writer, reader } = sides;
      send(sides, 3);
      words[AT] = wrong;
      assert.throws(() => reader.check(words[reader.next()]!), CORRUPT);
      writer.mend();
      assert.equal(take(sides), 3);
      words[AT + 1] = wrong;
      assert.throws(() => writer.hasRoom(SIZE), CORRUPT);
      reader.mend();
      assert.ok(writer.hasRoom(10));
    }
    for (const wrong of [-1, SPAN]) assert.throws(() => open(wrong), CORRUPT);
  });

  test("a flag is lowered once, and tells how it was raised", () => {
    const { words } = open();
    assert.equal(lower(words, FLAG), 0);
    raise(words, FLAG);
    assert.deepEqual([lower(words, FLAG), lower(words, FLAG)], [1, 0]);
    raise(words, FLAG, 2);
    assert.equal(lower(words, FLAG), 2);
  });
});
