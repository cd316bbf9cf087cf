/**
 * Which PCR banks the TPMs of guests have: the command line of the domain that serves them says so, which is measured. One bank is what
 * a guest's tools need, and every event is extended as often as there are banks.
 */
const NAME = 'domb.vtpm-banks';

/** Those that swtpm can have. */
export const VTPM_BANKS = ['sha1', 'sha256', 'sha384', 'sha512'] as const;
export type VtpmBank = (typeof VTPM_BANKS)[number];

const DEFAULT: readonly VtpmBank[] = ['sha256'];

/**
 * The banks that a command line asks for.
 * @returns what is no bank, or none at all, as a text
 */
export function vtpmBanksIn(cmdline: string): readonly VtpmBank[] | string {
  const word = cmdline.split(/\s+/).find((each) => each.startsWith(`${NAME}=`));
  if (word === undefined) return DEFAULT;
  const names = word.slice(NAME.length + 1).split(',');
  const wrong = names.find((name) => !VTPM_BANKS.some((bank) => bank === name));
  return wrong ?? VTPM_BANKS.filter((bank) => names.includes(bank));
}
