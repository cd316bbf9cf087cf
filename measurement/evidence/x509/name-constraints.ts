import { type CertificateFields, EXTENSION, extension } from './certificate-fields.ts';
import { DER, type DerElement, DerError, onlyElement, partsOf } from './der.ts';
import { type GeneralName, generalName, NAME_FORM } from './general-names.ts';

/** GeneralSubtrees below one authority. RFC 5280, 4.2.1.10. */
export interface NameConstraints {
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
}

/**
 * The constraints that an authority puts on the names below it, if it does.
 * @throws DerError
 */
export function nameConstraints(fields: CertificateFields): NameConstraints | undefined {
  const value = extension(fields, EXTENSION.nameConstraints);
  if (value === undefined) return undefined;
  const parts = partsOf(onlyElement(value), DER.sequence);
  const [permitted, excluded] = [0xa0, 0xa1].map((tag) =>
    parts.filter((part) => part.tag === tag).flatMap((part) => partsOf(part, tag).map(baseOf)),
  );
  if (parts.some(({ tag }) => tag !== 0xa0 && tag !== 0xa1)) {
    throw new DerError('name constraints of other parts');
  }
  return { permitted: permitted ?? [], excluded: excluded ?? [] };
}

/** RFC 5280 has no use for the minimum and maximum of a subtree; OpenSSL refuses them, too. */
function baseOf(subtree: DerElement): GeneralName {
  const [base, ...bounds] = partsOf(subtree, DER.sequence);
  if (base === undefined || bounds.length > 0) throw new DerError('a subtree with bounds');
  return generalName(base);
}

/** What constraints say against a name; undefined when nothing. */
export function constraintProblem(
  { permitted, excluded }: NameConstraints,
  name: GeneralName,
): string | undefined {
  const ofForm = ({ form }: GeneralName) => form === name.form;
  const [inside, outside] = [permitted.filter(ofForm), excluded.filter(ofForm)];
  if (inside.length + outside.length === 0) return undefined;
  const within = WITHIN[name.form];
  if (within === undefined) return 'constrains names of a form that is not compared here';
  if (inside.length > 0 && !inside.some((base) => within(name.parts, base.parts))) {
    return 'does not permit the name';
  }
  return outside.some((base) => within(name.parts, base.parts)) ? 'excludes the name' : undefined;
}

/**
 * How a name lies within a base, for the forms that the certificates of endorsement keys have. Constraints on others refuse
 * whoever has such a name.
 */
const WITHIN: Readonly<
  Record<number, (name: readonly string[], base: readonly string[]) => boolean>
> = {
  [NAME_FORM.directory]: (name, base) => base.every((rdn, i) => rdn === name[i]),
  [NAME_FORM.dns]: ([name = ''], [base = '']) => {
    const [host, domain] = [name.toLowerCase(), base.toLowerCase()];
    if (domain === '' || host === domain) return true;
    return host.endsWith(domain.startsWith('.') ? domain : `.${domain}`);
  },
};
