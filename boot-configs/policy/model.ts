/**
 * What a compiled FLASK policy says, as xen/xsm/flask/ss/policydb.h has it. Users, roles, types, classes and permissions have
 * values from 1 on.
 */
export interface Policy {
  /** Of the format. */
  version: number;
  /** Whether Xen lets pass what the policy has no permission for. */
  allowsUnknown: boolean;
  users: ReadonlyMap<string, PolicyUser>;
  roles: ReadonlyMap<string, PolicyRole>;
  /** By their own names, without attributes, which are sets of types. */
  types: ReadonlyMap<string, PolicyType>;
  typesByValue: ReadonlyMap<number, PolicyType>;
  /** Other names of types. */
  aliases: ReadonlyMap<string, PolicyType>;
  /** The types that have each attribute. */
  attributes: ReadonlyMap<string, ReadonlySet<string>>;
  classes: ReadonlyMap<string, SecurityClass>;
  /** Switches of conditional rules, as the policy sets them. */
  booleans: ReadonlyMap<string, boolean>;
  /** Types that Xen refuses nothing. */
  permissive: ReadonlySet<number>;
  vectors: AccessVectors;
  transitions: readonly TypeTransition[];
  roleTransitions: readonly { role: number; type: number; newRole: number }[];
  /** Between which roles a domain's label may change. */
  roleAllows: readonly { role: number; newRole: number }[];
  /** Labels of what exists before there is a policy, or has no label of its own. */
  initialSids: ReadonlyMap<string, SecurityContext>;
  /** Labels of hardware, in the order in which Xen looks through them. */
  resources: readonly LabelledResource[];
}

/** What decides whether a context is valid. */
export type PolicyLabels = Pick<Policy, 'users' | 'roles' | 'types' | 'aliases'>;

export interface PolicyUser {
  value: number;
  roles: ReadonlySet<number>;
}

export interface PolicyRole {
  value: number;
  /** Roles below this one, itself included. */
  dominates: ReadonlySet<number>;
  types: ReadonlySet<number>;
}

export interface PolicyType {
  name: string;
  value: number;
  /** The type whose rights limit those of this one (typebounds). */
  bounds?: number;
  attributes: ReadonlySet<string>;
  /** Itself and its attributes: a rule for one of these is a rule for the type. */
  expansion: ReadonlySet<number>;
}

export interface SecurityClass {
  value: number;
  permissions: ReadonlyMap<string, number>;
  constraints: readonly Constraint[];
}

/** Permissions that need more than a rule. */
export interface Constraint {
  /** Bit n - 1 stands for the permission with the value n. */
  permissions: number;
  /** In reverse Polish notation. */
  expression: readonly ConstraintTerm[];
}

export type ConstraintTerm =
  | { kind: 'not' }
  | { kind: 'and' }
  | { kind: 'or' }
  | { kind: 'compare'; part: ContextPart; comparison: Comparison }
  | {
      kind: 'member';
      part: ContextPart;
      of: 'source' | 'target';
      names: Set<number>;
      equal: boolean;
    };
export type ContextPart = 'user' | 'role' | 'type';
export type Comparison = 'eq' | 'neq' | 'dom' | 'domby' | 'incomp';

/** Masks of permissions by source, target and class, in rules as the policy has them; {@link vectorKey} makes the keys. */
export interface AccessVectors {
  allow: ReadonlyMap<number, number>;
  /** What is logged although it is allowed. */
  auditAllow: ReadonlyMap<number, number>;
  /** What is logged when it is refused: all where nothing stands here (dontaudit). */
  auditDeny: ReadonlyMap<number, number>;
  /** What would be allowed if somebody set a boolean. */
  dormant: ReadonlyMap<number, number>;
}

/** The type that something new of this class gets, instead of the target's. */
export interface TypeTransition {
  source: number;
  target: number;
  class: number;
  type: number;
}

/** A valid context by its values. */
export interface SecurityContext {
  user: number;
  role: number;
  type: number;
}

export type ResourceKind = 'irq' | 'ioport' | 'iomem' | 'pci' | 'devicetree';

/** Hardware with a label of its own. */
export interface LabelledResource {
  kind: ResourceKind;
  /** Number, port, frame, or segment << 16 | bus << 8 | devfn; of a node of a device tree 0. */
  first: number;
  /** Inclusive. */
  last: number;
  /** Of a node of a device tree, its path. */
  path?: string;
  context: SecurityContext;
}

/** Of a rule, in {@link AccessVectors}; each part has 16 bits. */
export function vectorKey(source: number, target: number, securityClass: number): number {
  return (source * 0x10000 + target) * 0x10000 + securityClass;
}
