import { randomUUID } from 'node:crypto';
import { newAuthority } from '../../../measurement/guest-tpm/authority.ts';
import {
  closeAttestationKey,
  missingKeys,
  openAttestationKey,
} from '../../../measurement/keys/attestation-key.ts';
import type { Operation } from '../../plan/operations.ts';
import type { BootState } from '../state.ts';

type MakeAuthority = Extract<Operation, { do: 'make-authority' }>;
type IdentifyDomain = Extract<Operation, { do: 'identify-domain' }>;

/** Chooses the UUID that the domain has in this boot and measures it, before the domain exists. */
export async function identifyDomain(
  state: BootState,
  { domain }: IdentifyDomain,
): Promise<string> {
  const { name, domid } = domain;
  const uuid = domain.uuid ?? randomUUID();
  await state.bootMeasurements.measure({ event: 'identity', domain: name, domid, uuid });
  state.uuids.set(name, uuid);
  return uuid;
}

/**
 * Makes the authority over the TPMs that the domain serves, and measures its public half: whoever believes the quote of this boot knows
 * by it whose TPM a guest's key is in. The private half goes to that domain alone, when it is built.
 */
export async function makeAuthority(
  state: BootState,
  { domain: { name } }: MakeAuthority,
): Promise<string> {
  const authority = newAuthority();
  const publicKey = authority.publicKey.toString('hex');
  await state.bootMeasurements.measure({ event: 'vtpm-authority', domain: name, publicKey });
  state.authorities.set(name, authority);
  return `over the TPMs that ${name} serves`;
}

/**
 * Measures which key will quote this boot. A primary key is derived from its hierarchy's seed, so that the TPM makes the
 * same one again for the quote; where it may not be made, it is the one that the TPM keeps. A boot that has no key goes on: that
 * nobody quotes it is measured.
 */
export async function makeKey(state: BootState): Promise<string> {
  const { tpm, bootMeasurements, log } = state;
  const key = await openAttestationKey(tpm);
  if (typeof key === 'string') {
    await bootMeasurements.measure({ event: 'attestation-key', missing: key });
    state.keyMade = true;
    state.missingKey = key;
    const { says, hint } = missingKeys[key];
    log.logger.warn(`there is no boot quote: ${says}\nwhat to do: ${hint}`);
    return `none: ${key}`;
  }
  await closeAttestationKey(tpm, key);
  const name = key.name.toString('hex');
  await bootMeasurements.measure({ event: 'attestation-key', name });
  state.keyMade = true;
  return `Name ${name.slice(0, 20)}…${key.persistent ? ', kept by the TPM' : ''}`;
}
