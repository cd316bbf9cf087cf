import {
  type BlankTpmOptions,
  type SoftwareTpm,
  startBlankTpm,
  type TpmOwner,
} from '../../vtpm/backend/software-tpm.ts';
import { type SwtpmOptions, startSwtpm } from '../../vtpm/backend/swtpm.ts';

/** A guest's TPM that was not made ahead. */
export async function startSoftwareTpm(
  options: SwtpmOptions & Omit<BlankTpmOptions, 'keys'> & TpmOwner,
): Promise<SoftwareTpm> {
  const keys = options.certification?.keys ?? [];
  return (await startBlankTpm(await startSwtpm(options), { ...options, keys })).become(options);
}
