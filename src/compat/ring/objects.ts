/**
 * Objects as user data. An object has a number while a request carries it, and the same one in all
 * of them, as a pointer would be.
 */
export class ObjectTable {
  readonly #objects: (object | undefined)[] = [];
  readonly #indexes = new Map<object, number>();
  readonly #free: number[] = [];
  /** SQEs that carry the object and were not submitted yet, by its number. */
  readonly #unsubmitted: number[] = [];

  /** The number of an object for one more SQE. */
  add(object: object): number {
    let index = this.#indexes.get(object);
    if (index === undefined) {
      index = this.#free.pop() ?? this.#objects.length;
      this.#objects[index] = object;
      this.#unsubmitted[index] = 0;
      this.#indexes.set(object, index);
    }
    this.#unsubmitted[index] = (this.#unsubmitted[index] as number) + 1;
    return index;
  }

  /** The object with a number, while anything carries it. */
  at(index: number): object | undefined {
    return this.#objects[index];
  }

  /** The number of an object, if anything carries it. */
  indexOf(object: object): number | undefined {
    return this.#indexes.get(object);
  }

  /** Notes that an SQE with an object was submitted. */
  submitted(index: number): void {
    const count = this.#unsubmitted[index];
    if (count !== undefined && count > 0) this.#unsubmitted[index] = count - 1;
  }

  /** Lets an object go: nothing with it is in flight. */
  done(index: number): void {
    const object = this.#objects[index];
    if (object === undefined || this.#unsubmitted[index] !== 0) return;
    this.#objects[index] = undefined;
    this.#indexes.delete(object);
    this.#free.push(index);
  }
}
