import { type AccessVectors, type TypeTransition, vectorKey } from './model.ts';
import type { PolicyReader } from './policy-reader.ts';

// AVTAB_* of xen/xsm/flask/ss/avtab.h.
const ALLOW = 1;
const AUDIT_ALLOW = 2;
const AUDIT_DENY = 4;
const TRANSITION = 16;
const MEMBER = 32;
const CHANGE = 64;
const ENABLED = 0x8000;
const TYPE_RULES: readonly number[] = [TRANSITION, MEMBER, CHANGE];
const KINDS: readonly number[] = [ALLOW, AUDIT_ALLOW, AUDIT_DENY, ...TYPE_RULES];
/** COND_LAST of xen/xsm/flask/ss/conditional.h */
const LAST_OPERATOR = 7;
const RULE_BYTES = 12;

/** How many values the rules may name. */
export interface RuleLimits {
  types: number;
  classes: number;
  booleans: number;
}

/** All rules for types: those that always hold, then those with a condition. */
export interface Rules {
  vectors: AccessVectors;
  transitions: TypeTransition[];
}

interface Rule {
  key: number;
  kind: number;
  enabled: boolean;
  data: number;
}

/** Reads the table of access vectors and the conditional rules behind it (avtab_read, cond_read_list). */
export function readRules(reader: PolicyReader, limits: RuleLimits): Rules {
  const allow = new Map<number, number>();
  const auditAllow = new Map<number, number>();
  const auditDeny = new Map<number, number>();
  const dormant = new Map<number, number>();
  const transitions: TypeTransition[] = [];
  const take = ({ key, kind, enabled, data }: Rule) => {
    if (kind === ALLOW) add(enabled ? allow : dormant, key, data);
    // Xen changes labels and chooses members nowhere; a transition that is not in force is of no use.
    if (kind === TRANSITION && enabled) transitions.push({ ...ruleParts(key), type: data });
    if (kind === AUDIT_ALLOW && enabled) add(auditAllow, key, data);
    if (kind === AUDIT_DENY && enabled) {
      auditDeny.set(key, ((auditDeny.get(key) ?? 0xffffffff) & data) >>> 0);
    }
  };
  const rules = reader.count(RULE_BYTES);
  // Xen refuses such a policy, too.
  if (rules === 0) reader.fail('the policy has no rules');
  const seen = new Set<string>();
  for (let left = rules; left > 0; left--) {
    const rule = readRule(reader, limits);
    const name = `${rule.key} ${rule.kind}`;
    if (seen.has(name)) reader.fail('the policy has a rule twice');
    seen.add(name);
    take({ ...rule, enabled: true });
  }
  for (let left = reader.count(16); left > 0; left--) {
    reader.skipWords(1);
    for (let terms = reader.count(8); terms > 0; terms--) {
      const operator = reader.u32();
      const boolean = reader.u32();
      if (operator < 1 || operator > LAST_OPERATOR || boolean > limits.booleans) {
        reader.fail('a condition makes no sense');
      }
    }
    for (let lists = 2; lists > 0; lists--) {
      for (let rest = reader.count(RULE_BYTES); rest > 0; rest--) take(readRule(reader, limits));
    }
  }
  return {
    vectors: { allow, auditAllow, auditDeny, dormant },
    transitions,
  };
}

/** What a rule of the policy is about, from its key. */
export function ruleParts(key: number): { source: number; target: number; class: number } {
  const types = Math.floor(key / 0x10000);
  return { source: Math.floor(types / 0x10000), target: types % 0x10000, class: key % 0x10000 };
}

function add(vectors: Map<number, number>, key: number, mask: number): void {
  vectors.set(key, ((vectors.get(key) ?? 0) | mask) >>> 0);
}

/** avtab_read_item */
function readRule(reader: PolicyReader, { types, classes }: RuleLimits): Rule {
  const source = reader.u16();
  const target = reader.u16();
  const securityClass = reader.u16();
  const specified = reader.u16();
  const data = reader.u32();
  const kind = specified & ~ENABLED;
  const isType = (value: number) => value >= 1 && value <= types;
  if (!KINDS.includes(kind)) reader.fail('a rule has an unknown kind');
  if (!isType(source) || !isType(target) || securityClass < 1 || securityClass > classes) {
    reader.fail('a rule is about a type or a class that is not there');
  }
  if (TYPE_RULES.includes(kind) && !isType(data)) {
    reader.fail('a rule gives a type that is not there');
  }
  const key = vectorKey(source, target, securityClass);
  return { key, kind, enabled: (specified & ENABLED) !== 0, data };
}
