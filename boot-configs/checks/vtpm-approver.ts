import { approverOf } from '../../measurement/sealing/approver-key.ts';
import type { Check } from './check.ts';

export const vtpmApprover: Check = {
  rule: 'vtpm-approver',
  says: 'The approver of vtpm_state is a key whose signatures a TPM can check.',
  run({ vtpmState }, report) {
    const approver = vtpmState?.approver;
    if (approver === undefined) return;
    try {
      approverOf(Buffer.from(approver), 'approver');
    } catch {
      report(
        ['platform', 'vtpm_state', 'approver'],
        'it is no public key whose signatures a TPM checks',
        'make one of NIST P-256: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256',
      );
    }
  },
};
