import type { PcrValues } from 'node-tpm2-pts';

/**
 * Where quoted values of further PCRs differ from the expected ones. Each expected PCR must be quoted and compared in a bank
 * stronger than SHA-1, and in every bank for which a value is expected and the PCR is quoted.
 */
export function furtherProblems(expected: PcrValues, quoted: PcrValues): string[] {
  const problems: string[] = [];
  for (const pcr of expectedPcrs(expected)) {
    let strong = false;
    for (const [bank, values] of quoted) {
      const [found, wanted] = [values.get(pcr), expected.get(bank)?.get(pcr)];
      if (found === undefined || wanted === undefined) continue;
      strong ||= bank !== 'sha1';
      if (found.equals(wanted)) continue;
      problems.push(
        `PCR ${pcr} differs in bank ${bank}: expected ${wanted.toString('hex')}, quoted ${found.toString('hex')}`,
      );
    }
    if (!strong) problems.push(`PCR ${pcr} can't be compared in any bank beyond SHA-1`);
  }
  return problems;
}

/** The PCRs of which a value is expected in any bank. */
export function expectedPcrs(expected: PcrValues): Set<number> {
  return new Set([...expected.values()].flatMap((values) => [...values.keys()]));
}
