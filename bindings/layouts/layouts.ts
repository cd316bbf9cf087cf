import xen417 from './xen-4.17.json' with { type: 'json' };

/** Sizes, offsets and constants of one Xen version, as generated from its headers. */
export type XenLayout = typeof xen417;

export type StructName = keyof XenLayout['structs'];
export type FieldName<S extends StructName> = keyof XenLayout['structs'][S]['fields'] & string;

const LAYOUTS: ReadonlyMap<string, XenLayout> = new Map([['4.17', xen417]]);

/** A Xen that no layout was generated for. */
export class UnknownXenError extends Error {
  override name = 'UnknownXenError';
  readonly version: string;
  /** What to do about it. */
  readonly hint: string;

  constructor(version: string) {
    const known = [...LAYOUTS.keys()].join(', ');
    super(`Xen ${version} is not known to this domb, which knows ${known}`);
    this.version = version;
    this.hint = `boot Xen ${known}, or generate a layout for Xen ${version} (bindings/layouts/generate.ts) and rebuild`;
  }
}

/**
 * The layout for a running Xen.
 * @param version as `major.minor`, for example `4.17`
 */
export function layoutFor(version: string): XenLayout {
  const layout = LAYOUTS.get(version);
  if (layout === undefined) throw new UnknownXenError(version);
  return layout;
}
