/**
 * The type of a value after JSON has carried it.
 *
 * @module
 */

/**
 * What comes back of a `T` that was stored: a `Date` is text, what has `toJSON` is what that gives,
 * members without a value are gone, and nothing at all is `null`. What is refused is `never`.
 */
export type Jsonified<T> = unknown extends T ? T
  : T extends { toJSON(): infer Json } ? Jsonified<Json>
  : T extends undefined | void ? null
  : T extends bigint | symbol | ((...args: never[]) => unknown) ? never
  : T extends readonly unknown[] ? { [Index in keyof T]: Jsonified<T[Index]> }
  : T extends object ? JsonifiedObject<T>
  : T;

/** An object; what may be `undefined` may be missing. */
export type JsonifiedObject<T> = Flat<
  & { [Key in keyof T as undefined extends T[Key] ? never : Key]: Jsonified<T[Key]> }
  & {
    [Key in keyof T as undefined extends T[Key] ? Key : never]?: Jsonified<
      Exclude<T[Key], undefined>
    >;
  }
>;

/** An intersection as one object. */
export type Flat<T> = { [Key in keyof T]: T[Key] };
