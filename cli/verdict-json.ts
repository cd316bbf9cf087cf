import { objectName } from 'node-tpm2-pts';
import type { Evidence } from '../measurement/evidence/evidence.ts';
import { machineFacts, scriptActions } from '../measurement/evidence/script-actions.ts';
import type { Verdict } from '../measurement/evidence/verdict.ts';
import { pcrsJson } from '../measurement/formats/event-listing.ts';
import type { GuestVerdict } from '../measurement/guest-tpm/guest-verdict.ts';

/**
 * A verdict for programs: docs/verdict.schema.json.
 * @param evidence what it is about; undefined when that is damaged, or there is none
 * @param guest what was found of a guest of this platform
 */
export function verdictJson(
  verdict: Verdict,
  evidence: Evidence | undefined,
  guest?: GuestVerdict,
): string {
  const { attest, compared, bootEvents, ...rest } = verdict;
  const quote = attest && {
    clock: String(attest.clock.clock),
    resetCount: attest.clock.resetCount,
    restartCount: attest.clock.restartCount,
    safe: attest.clock.safe,
    firmwareVersion: attest.firmwareVersion.toString(16),
    key: evidence && objectName(evidence.ak).toString('hex'),
    pcrs: evidence && pcrsJson(evidence.pcrs),
  };
  const scripts = bootEvents && {
    changed: scriptActions(bootEvents),
    read: machineFacts(bootEvents),
  };
  const items = compared?.map(({ name, problems }) => ({ name, problems }));
  const both = guest && {
    outcome: guest.outcome,
    guest: {
      domain: guest.domain,
      findings: guest.findings,
      gaps: guest.gaps,
      notes: guest.notes,
    },
  };
  const all = { ...rest, items, bootEvents, scripts, quote, ...both };
  return `${JSON.stringify(all, null, 2)}\n`;
}
