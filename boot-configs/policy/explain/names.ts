import type { DomainSettings } from '../../manifest.ts';
import { nearest } from '../../suggest.ts';
import { contextFault, typeNamed } from '../contexts.ts';
import type { Policy } from '../model.ts';
import { selfType, sidType } from '../platform-types.ts';

/** A question about somebody whom neither policy nor manifest know. */
export class UnknownNameError extends Error {
  override name = 'UnknownNameError';
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** What can be named beside domains, types and labels, by initial SID. */
const short: Readonly<Record<string, string>> = { domB: 'dom0', xen: 'xen', policy: 'security' };

/**
 * The type of whoever `name` means: a domain of the manifest, a label, a type, or `domB`, `xen` or `policy`.
 * @throws {@link UnknownNameError}
 */
export function typeMeant(
  policy: Policy,
  domains: readonly DomainSettings[],
  name: string,
): string {
  const domain = domains.find((each) => each.name === name);
  const label = domain?.seclabel ?? (name.includes(':') ? name : undefined);
  if (label !== undefined) {
    const fault = contextFault(policy, label);
    if (fault !== undefined) {
      const whose = domain === undefined ? '' : `${name} has the label "${label}", and `;
      throw new UnknownNameError(`${whose}${fault}`, 'use a label of this policy');
    }
    return typeNamed(policy, label.split(':')[2] ?? '')?.name ?? '';
  }
  const type = typeNamed(policy, name);
  if (type !== undefined) return type.name;
  const found = Object.hasOwn(short, name) ? sidType(policy, short[name] ?? '') : undefined;
  if (found !== undefined) return found;
  const known = [
    ...domains.map((each) => each.name),
    ...policy.types.keys(),
    ...Object.keys(short),
  ];
  const meant = nearest(name, known);
  throw new UnknownNameError(
    `neither a domain of the manifest nor a type of the policy is called "${name}"`,
    meant === undefined
      ? 'give a type, a label, domB, xen or policy, or the manifest with --manifest'
      : `did you mean "${meant}"?`,
  );
}

/** The types of source and target; a domain that is its own target is another type to itself. */
export function typesMeant(
  policy: Policy,
  domains: readonly DomainSettings[],
  source: string,
  target: string,
): { source: string; target: string } {
  const from = typeMeant(policy, domains, source);
  const itself = target === 'self' || (source === target && !policy.types.has(source));
  return {
    source: from,
    target: itself ? selfType(policy, from) : typeMeant(policy, domains, target),
  };
}
