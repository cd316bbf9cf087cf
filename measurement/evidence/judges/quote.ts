import { verifyQuote } from 'node-tpm2-pts';
import { AK_PARENT } from '../../keys/attestation-key.ts';
import { bootNonce } from '../evidence.ts';
import { attempt, type Judge, right, wrong } from './judge.ts';

/** The signature, what kind of key made it, the nonce, and that it is about the values in the evidence. */
export const judgeQuote: Judge = (evidence, { nonce }, seen) => {
  const ofBoot = nonce === 'boot';
  const attest = attempt(() =>
    verifyQuote(evidence.quote, {
      ak: evidence.ak,
      parent: AK_PARENT,
      nonce: ofBoot ? bootNonce(evidence) : nonce,
      pcrs: evidence.pcrs,
    }),
  );
  if (typeof attest === 'string') return wrong(attest);
  seen.attest = attest;
  const carried = ofBoot ? 'digest of the logs' : 'nonce';
  return right(`quote: signature, ${carried} and PCR values`);
};
