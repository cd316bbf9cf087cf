import type { LAYOUT_SPEC } from './layout-spec.ts';

type Spec = typeof LAYOUT_SPEC;

/** `[]` and `*` tell the generator what a field is, and are no part of its name. */
type Named<F extends string> = F extends `${infer Name}[]`
  ? Name
  : F extends `${infer Name}*`
    ? Name
    : F;

export type StructName = keyof Spec['structs'];
export type FieldName<S extends StructName> = Named<Spec['structs'][S]['fields'][number]>;

export interface FieldLayout {
  /** Bytes from the start of the struct. */
  offset: number;
  /** Bytes. */
  size: number;
  /** `signed`, `unsigned`, `pointer` or `bytes`. */
  kind: string;
}

/**
 * Sizes, offsets and constants of one Xen release, as generate-layout.ts finds them in its headers. A release whose layout
 * lacks what layout-spec.ts names does not compile.
 */
export interface XenLayout {
  structs: { [S in StructName]: { size: number; fields: { [F in FieldName<S>]: FieldLayout } } };
  constants: { [C in Spec['constants'][number]]: number };
  /** Numbers of CPU features, by their names in cpufeatureset.h. */
  cpuFeatures: Readonly<Record<string, number>>;
}
