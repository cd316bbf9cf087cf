import {
  type BlankTpmOptions,
  type SoftwareTpm,
  startBlankTpm,
  type TpmOwner,
} from '../../vtpm/backend/software-tpm.ts';

/** A guest's TPM that was not made ahead. */
export async function startSoftwareTpm(
  options: Omit<BlankTpmOptions, 'keys'> & TpmOwner,
): Promise<SoftwareTpm> {
  const keys = options.certification?.keys ?? [];
  return (await startBlankTpm({ ...options, keys })).become(options);
}
