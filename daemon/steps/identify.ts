import { randomUUID } from 'node:crypto';
import { createAk, flushContext, objectName } from 'node-tpm2-pts';
import type { Operation } from '../operations.ts';
import type { BootState } from '../state.ts';

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
 * Measures which key will quote this boot. A primary key is derived from its hierarchy's seed, so that the TPM makes the
 * same one again for the quote.
 */
export async function makeKey(state: BootState): Promise<string> {
  const { tpm, bootMeasurements } = state;
  if (!tpm) throw new Error('the key is made before the TPM is open');
  const ak = await createAk(tpm);
  await flushContext(tpm, ak.handle);
  const name = objectName(ak.publicArea).toString('hex');
  await bootMeasurements.measure({ event: 'attestation-key', name });
  state.keyMade = true;
  return `Name ${name.slice(0, 20)}…`;
}
