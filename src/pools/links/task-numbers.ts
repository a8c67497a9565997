import type { TaskIdentity } from "../../workers/task.js";

/** Tasks travel as numbers; each worker is told once what a number stands for. */
export class TaskNumbers {
  readonly #numbers = new Map<string, number>();
  readonly #identities: TaskIdentity[] = [];
  #lastTask: TaskIdentity | undefined;
  #lastNumber = 0;

  of(task: TaskIdentity): number {
    if (task === this.#lastTask) return this.#lastNumber;
    const key = `${task.url}#${task.name}`;
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#identities.push(task) - 1;
      this.#numbers.set(key, number);
    }
    this.#lastTask = task;
    return (this.#lastNumber = number);
  }

  identity(number: number): TaskIdentity {
    return this.#identities[number]!;
  }
}
