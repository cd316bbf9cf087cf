import { enrolledFile, type FileForm, isTime, readEnrolledFile } from './enrolled-file.ts';
import { type EnrolledKeys, keyMembers, readKeyMembers } from './enrolled-keys.ts';

/** An attestation key that was shown to be in one TPM with an endorsement key. */
export interface EnrolledKey extends EnrolledKeys {
  /** When the challenge was made, and when its answer was checked, as Date.toISOString writes it. */
  readonly challenged: string;
  readonly enrolled: string;
}

const FORM: FileForm<EnrolledKey> = {
  format: 'domb-enrolled',
  version: 1,
  what: 'an enrolled key',
  hint: 'name the file that "domb enroll check" wrote, unchanged',
  read: ({ challenged, enrolled, ...members }) => {
    if (!isTime(challenged) || !isTime(enrolled)) return 'it does not say when it was enrolled';
    const keys = readKeyMembers(members);
    return typeof keys === 'string' ? keys : { ...keys, challenged, enrolled };
  },
};

/** The record as a file. It is worth what the place is worth where it is kept. */
export function enrolledKeyFile({ challenged, enrolled, ...keys }: EnrolledKey): string {
  return enrolledFile(FORM, { ...keyMembers(keys), challenged, enrolled });
}

/** @throws {MeasurementError} for anything that {@link enrolledKeyFile} did not write */
export function readEnrolledKey(bytes: Uint8Array): EnrolledKey {
  return readEnrolledFile(FORM, bytes);
}
