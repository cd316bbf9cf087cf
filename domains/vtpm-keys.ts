/**
 * Which keys of guests' TPMs are made and certified before their guests get them: the command line of the domain that serves them says so,
 * which is measured. An RSA key takes many times as long to make as the others.
 */
const NAME = 'domb.vtpm-keys';

/** Endorsement keys by their algorithm, and an attestation key. */
export const VTPM_KEYS = ['rsa', 'ecc', 'ak'] as const;
export type VtpmKey = (typeof VTPM_KEYS)[number];

const DEFAULT: readonly VtpmKey[] = ['ecc', 'ak'];

/**
 * The keys that a command line asks for.
 * @returns what is no key, or none at all, as a text
 */
export function vtpmKeysIn(cmdline: string): readonly VtpmKey[] | string {
  const word = cmdline.split(/\s+/).find((each) => each.startsWith(`${NAME}=`));
  if (word === undefined) return DEFAULT;
  const names = word.slice(NAME.length + 1).split(',');
  const wrong = names.find((name) => !VTPM_KEYS.some((key) => key === name));
  return wrong ?? VTPM_KEYS.filter((key) => names.includes(key));
}
