import { ekChainProblems } from '../ek-chain.ts';
import { type Judge, right, wrong } from './judge.ts';

/** The attestation key, where one is enrolled. */
export const judgeKey: Judge = (evidence, { ak }) => {
  if (ak === undefined) return [];
  return evidence.ak.equals(ak)
    ? right('key: the enrolled one')
    : wrong('the quote was made by another key than the enrolled one');
};

/**
 * The endorsement key's certificate: the one that was enrolled with the key, where it is in the evidence, and issued under the given
 * authorities, where there are some. That alone says nothing of the attestation key: nothing ties them.
 */
export const judgeEkCertificate: Judge = (
  { ekCertificate: found },
  { ekCertificate: enrolled, ekAuthorities },
) => {
  const other = enrolled !== undefined && found?.equals(enrolled) === false;
  const first = other ? wrong('ek.der is another certificate than the one that was enrolled') : [];
  if (ekAuthorities === undefined) return first;
  if (found === undefined) return wrong('there is no EK certificate');
  const problems = ekChainProblems(found, ekAuthorities);
  return problems.length > 0
    ? [...first, ...wrong(...problems)]
    : [...first, ...right('EK certificate: issued under the given authorities')];
};
