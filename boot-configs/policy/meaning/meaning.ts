/**
 * Which way information goes when a permission is used, in the letters of setools' permission maps: `r` from target to source,
 * `w` from source to target, `b` both ways, `n` none.
 */
export type Direction = 'r' | 'w' | 'b' | 'n';

/**
 * How much goes: 10 memory and registers at will, 8 pages and devices that both sides have, 6 messages, 4 settings and reports,
 * 2 signals, 1 hardly anything. setools takes 1 to 10.
 */
export type Weight = 1 | 2 | 4 | 6 | 8 | 10;

/**
 * A permission: what its holder may do, in words that follow "may" and call the target "it"; then the flow of information. What
 * Xen asks the permission for stands in xen/xsm/flask/policy/access_vectors and xen/xsm/flask/hooks.c.
 */
export type Meaning = readonly [says: string, direction: Direction, weight: Weight];

/** The permissions of some classes, by class and name. */
export type Meanings = Readonly<Record<string, Readonly<Record<string, Meaning>>>>;
