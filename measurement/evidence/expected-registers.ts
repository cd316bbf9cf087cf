import type { HashAlgorithm, PcrValues } from 'node-tpm2-pts';

/** How the quoted values of one register compare with the expected ones. */
interface Comparison {
  readonly problems: readonly string[];
  /** The banks in which it has the expected value. */
  readonly equal: readonly HashAlgorithm[];
}

/**
 * Compares a register of which a value is expected. It must be quoted and compared in a bank stronger than SHA-1, and in every
 * bank for which a value is expected and the register is quoted.
 */
export function compareRegister(pcr: number, expected: PcrValues, quoted: PcrValues): Comparison {
  const problems: string[] = [];
  const equal: HashAlgorithm[] = [];
  let strong = false;
  for (const [bank, values] of quoted) {
    const [found, wanted] = [values.get(pcr), expected.get(bank)?.get(pcr)];
    if (found === undefined || wanted === undefined) continue;
    strong ||= bank !== 'sha1';
    if (found.equals(wanted)) equal.push(bank);
    else {
      problems.push(
        `PCR ${pcr} differs in bank ${bank}: expected ${wanted.toString('hex')}, quoted ${found.toString('hex')}`,
      );
    }
  }
  if (!strong) problems.push(`PCR ${pcr} can't be compared in any bank beyond SHA-1`);
  return { problems, equal };
}

/** The PCRs of which a value is expected in any bank. */
export function expectedPcrs(expected: PcrValues): Set<number> {
  return new Set([...expected.values()].flatMap((values) => [...values.keys()]));
}

/**
 * Whether a register's expected value, in a bank beyond SHA-1, says that something was measured into it. Zeros or ones are what it
 * holds after a reset, on any machine.
 */
export function expectsContent(pcr: number, expected: PcrValues = new Map()): boolean {
  return [...expected].some(([bank, values]) => {
    const value = values.get(pcr);
    if (bank === 'sha1' || value === undefined) return false;
    return value.some((byte) => byte !== 0) && value.some((byte) => byte !== 0xff);
  });
}
