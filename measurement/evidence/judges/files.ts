import { objectName } from 'node-tpm2-pts';
import { attempt, type Judge, right, wrong } from './judge.ts';

/** What there is; the forms of quote and logs are looked at by those who read them. */
export const judgeFiles: Judge = ({ ak, pcrs, bootLog, bootQuote, ekCertificate }) => {
  const name = attempt(() => objectName(ak));
  if (typeof name === 'string') return wrong(`the attestation key can't be read: ${name}`);
  const banks = [...pcrs].filter(([, values]) => values.size > 0).map(([bank]) => bank);
  if (banks.length === 0) return wrong('there are no values of registers');
  const further = [
    ...(bootLog ? ['boot log'] : []),
    ...(bootQuote ? ['boot quote'] : []),
    ...(ekCertificate ? ["the endorsement key's certificate"] : []),
  ];
  return right(['evidence: quote', 'key', `${banks.length} banks`, 'log', ...further].join(', '));
};
