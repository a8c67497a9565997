/** Up to this many objects a scan finds one that came before faster than a Map does. */
const scanLimit = 12;

/**
 * The objects of one message, numbered in the order in which they are met: one that comes again is written as its
 * number.
 */
export class ObjectNumbers {
  /** In the order of their numbers; once there are many, `numbers` says the same the other way round. */
  private readonly objects: (object | undefined)[] = [];
  private numbers: Map<object, number> | undefined;
  count = 0;

  /** The number of an object that came before; -1 for a new one, which gets the next number. */
  numberOf(value: object): number {
    const { objects, count } = this;
    if (this.numbers !== undefined) {
      const number = this.numbers.get(value);
      if (number !== undefined) return number;
      this.numbers.set(value, count);
    } else {
      for (let number = 0; number < count; number++) if (objects[number] === value) return number;
      if (count === scanLimit) {
        this.numbers = new Map();
        for (let number = 0; number < count; number++) this.numbers.set(objects[number] as object, number);
        this.numbers.set(value, count);
      }
    }
    objects[count] = value;
    this.count = count + 1;
    return -1;
  }

  /** Forgets those that came after the first `count`. */
  truncate(count: number): void {
    while (this.count > count) {
      const object = this.objects[--this.count] as object;
      this.numbers?.delete(object);
      this.objects[this.count] = undefined;
    }
  }

  forget(): void {
    if (this.numbers !== undefined || this.count > scanLimit) {
      this.objects.length = 0;
      this.numbers = undefined;
    } else {
      for (let number = 0; number < this.count; number++) this.objects[number] = undefined;
    }
    this.count = 0;
  }
}
