import type { DomainSettings } from '../../../boot-configs/manifest.ts';
import { nearest } from '../../../boot-configs/suggest.ts';
import { CallProblem } from '../../../boot-scripts/script-errors.ts';
import type { ScriptState } from '../script-state.ts';

/** The planned domain of this name. */
export function domainArgument({ manifest }: ScriptState, name: unknown): DomainSettings {
  if (typeof name !== 'string') {
    throw new CallProblem(`${show(name)} is no name of a domain: give a text`);
  }
  const domain = manifest.domains.find((other) => other.name === name);
  if (domain !== undefined) return domain;
  const names = manifest.domains.map((other) => other.name);
  const meant = nearest(name, names);
  const known = meant === undefined ? `there is ${names.join(', ')}` : `did you mean "${meant}"?`;
  throw new CallProblem(`there is no domain ${show(name)}: ${known}`);
}

/** An object that has some of these members, and no others. */
export function membersArgument<K extends string>(
  value: unknown,
  known: readonly K[],
): Partial<Record<K, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CallProblem(`${show(value)} is no object with ${known.join(', ')}`);
  }
  const names = Object.keys(value);
  if (names.length === 0) throw new CallProblem(`nothing is changed: give ${known.join(', ')}`);
  for (const name of names) {
    if ((known as readonly string[]).includes(name)) continue;
    const meant = nearest(name, known);
    const advice =
      meant === undefined ? `there is ${known.join(', ')}` : `did you mean "${meant}"?`;
    throw new CallProblem(`there is no "${name}" to change: ${advice}`);
  }
  return value as Partial<Record<K, unknown>>;
}

export function checkCount(given: readonly unknown[], wanted: string[]): void {
  if (given.length === wanted.length) return;
  throw new CallProblem(
    `it takes ${wanted.join(' and ')}, and was given ${given.length} arguments`,
  );
}

export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
