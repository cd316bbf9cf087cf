import { digest, objectName } from 'node-tpm2-pts';
import type { EnrolledKeys } from '../measurement/enrolment/enrolled-keys.ts';
import { safe } from './text.ts';

/** Which keys it is about, for people: one line each. */
export function enrolledText(keys: EnrolledKeys): string {
  const { ak, ek, authority } = enrolledJson(keys);
  const vouched =
    authority === undefined ? 'known to the verifier' : `vouched for by ${safe(authority.subject)}`;
  return `attestation key  ${ak}\nendorsement key  ${ek}, ${vouched}\n`;
}

/** The same for programs. */
export function enrolledJson({ ak, ek, certificate }: EnrolledKeys) {
  return {
    ak: objectName(ak).toString('hex'),
    ek: objectName(ek).toString('hex'),
    ...(certificate && {
      certificate: digest('sha256', certificate.der).toString('hex'),
      authority: certificate.authority,
    }),
  };
}
