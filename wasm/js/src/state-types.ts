// The types of paths within a state's value.

type IsAny<T> = 0 extends 1 & T ? true : false;

/** What is replaced as a whole: scalars, lists of them and bytes. */
type Leaf = Scalar | Uint8Array | readonly Scalar[];
type Scalar = string | number | bigint | boolean;

/** A map's or a list's type, as it stands in the value. */
export type Container = ReadonlyMap<any, any> | readonly object[];

/** The fields of a state's value, those of structs within it behind a dot: 'phase', 'ball.x'. */
export type Path<T> = IsAny<T> extends true ? string : {
  [K in keyof T & string]: T[K] extends Leaf | Container ? K : K | `${K}.${Path<T[K]>}`
}[keyof T & string];

/** What a path leads to. */
export type At<T, P extends string> = IsAny<T> extends true ? any
  : P extends keyof T ? T[P]
  : P extends `${infer K}.${infer Rest}` ? K extends keyof T ? At<T[K], Rest> : never : never;

/** The paths that lead to a map or a list of structs. */
export type Entries<T> = IsAny<T> extends true ? string : {
  [P in Path<T>]: At<T, P> extends Container ? P : never
}[Path<T>];

/** The entries of a map or a list. */
export type EntryOf<C> = IsAny<C> extends true ? any
  : C extends ReadonlyMap<any, infer V> ? V
  : C extends readonly (infer V)[] ? V : never;

/** The keys of a map's or a list's entries. */
export type KeyOf<C> = IsAny<C> extends true ? any
  : C extends ReadonlyMap<infer K, any> ? K : string | number;
