import { readValues } from './bitmap.ts';
import type {
  Comparison,
  Constraint,
  ConstraintTerm,
  ContextPart,
  PolicyRole,
  SecurityContext,
} from './model.ts';
import type { PolicyReader } from './policy-reader.ts';

// CEXPR_* of xen/xsm/flask/ss/constraint.h. The attributes of levels (32 to 1024) need MLS.
const OPERATORS = { 1: 'not', 2: 'and', 3: 'or' } as const;
const COMPARE = 4;
const MEMBER = 5;
const PARTS: Readonly<Record<number, ContextPart>> = { 1: 'user', 2: 'role', 4: 'type' };
const TARGET = 8;
const THIRD = 16;
const COMPARISONS: readonly Comparison[] = ['eq', 'neq', 'dom', 'domby', 'incomp'];
/** CEXPR_MAXDEPTH */
const MAXIMUM_DEPTH = 5;
/** Since this version a list of names is told twice: with and without attributes. */
const VERSION_CONSTRAINT_NAMES = 29;

/**
 * Reads `count` constraints; the values that an expression takes and leaves are counted, as Xen does. Only where `third` is true
 * can there be a context beside source and target.
 */
export function readConstraints(
  reader: PolicyReader,
  count: number,
  { version, third }: { version: number; third: boolean },
): Constraint[] {
  const constraints: Constraint[] = [];
  for (let left = count; left > 0; left--) {
    const permissions = reader.u32();
    const expression: ConstraintTerm[] = [];
    let depth = 0;
    for (let terms = reader.u32(); terms > 0; terms--) {
      const term = readTerm(reader, version, third ? TARGET | THIRD : TARGET);
      const needs = term.kind === 'not' ? 1 : term.kind === 'and' || term.kind === 'or' ? 2 : 0;
      if (depth < needs || depth - needs === MAXIMUM_DEPTH) {
        reader.fail('the expression of a constraint makes no sense');
      }
      depth += 1 - needs;
      expression.push(term);
    }
    if (depth !== 1) reader.fail('the expression of a constraint makes no sense');
    constraints.push({ permissions, expression });
  }
  return constraints;
}

function readTerm(reader: PolicyReader, version: number, flags: number): ConstraintTerm {
  const kind = reader.u32();
  const attribute = reader.u32();
  const operator = reader.u32();
  if (kind === 1 || kind === 2 || kind === 3) return { kind: OPERATORS[kind] };
  const part = PARTS[kind === COMPARE ? attribute : attribute & ~flags];
  const comparison = COMPARISONS[operator - 1];
  if (part === undefined || comparison === undefined || (kind !== COMPARE && kind !== MEMBER)) {
    reader.fail('a constraint has a term of an unknown kind');
  }
  if (kind === COMPARE) {
    if (part !== 'role' && comparison !== 'eq' && comparison !== 'neq') {
      reader.fail(`a constraint can't ask whether one ${part} dominates the other`);
    }
    return { kind: 'compare', part, comparison };
  }
  const names = readValues(reader);
  if (version >= VERSION_CONSTRAINT_NAMES) {
    readValues(reader);
    readValues(reader);
    reader.skipWords(1);
  }
  if (comparison !== 'eq' && comparison !== 'neq') {
    reader.fail('a constraint compares with names in an unknown way');
  }
  const of = (attribute & TARGET) !== 0 ? 'target' : 'source';
  return { kind: 'member', part, of, names, equal: comparison === 'eq' };
}

/** Whether a constraint's expression holds (constraint_expr_eval of xen/xsm/flask/ss/services.c). */
export function constraintHolds(
  { expression }: Constraint,
  source: SecurityContext,
  target: SecurityContext,
  roleOf: (value: number) => PolicyRole | undefined,
): boolean {
  const stack: boolean[] = [];
  const pop = () => stack.pop() === true;
  for (const term of expression) {
    if (term.kind === 'not') stack.push(!pop());
    else if (term.kind === 'and' || term.kind === 'or') {
      const [right, left] = [pop(), pop()];
      stack.push(term.kind === 'and' ? left && right : left || right);
    } else if (term.kind === 'member') {
      const value = (term.of === 'target' ? target : source)[term.part];
      stack.push(term.names.has(value) === term.equal);
    } else {
      const [one, other] = [source[term.part], target[term.part]];
      const above = roleOf(one)?.dominates.has(other) === true;
      const below = roleOf(other)?.dominates.has(one) === true;
      const results = {
        eq: one === other,
        neq: one !== other,
        dom: above,
        domby: below,
        incomp: !above && !below,
      };
      stack.push(results[term.comparison]);
    }
  }
  return pop();
}
