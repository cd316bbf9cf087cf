import { allDomains } from '../../boot-configs/all-domains.ts';
import type { Manifest } from '../../boot-configs/manifest.ts';
import type { Answers } from '../machine/answers.ts';
import { allOf, type Judgement, judgement } from './judgement.ts';
import { answered, type ObservedPlatform } from './observed.ts';
import { parseEventLogPcr, parsePcrRead } from './tool-output.ts';

/** Lines of an answer that has no values, for people. */
const LAST_LINES = 8;

/** The PCRs that can be predicted: the platform's, and those that domains name for themselves. */
function measuredPcrs(manifest: Manifest): number[] {
  const pcrs = allDomains(manifest).map(({ measurement }) => measurement.pcr);
  return [...new Set([manifest.platform.measurement.pcr, ...pcrs])];
}

/** The stock tool replays the log to what the TPM holds. */
export function replayed({ answers, manifest }: ObservedPlatform): Judgement {
  const compared = measuredPcrs(manifest).map((pcr) => {
    const fromLog = parseEventLogPcr(answered(answers, 'eventlog'), pcr);
    const held = parsePcrRead(answered(answers, 'pcrs'), pcr);
    const wrong = [...held].filter(([bank, digest]) => fromLog.get(bank) !== digest);
    const ok = held.size > 0 && fromLog.size === held.size && wrong.length === 0;
    const seen = ok
      ? `PCR ${pcr}: ${[...held.keys()].join(', ')} equal`
      : `PCR ${pcr}: TPM ${show(held) ?? lastOf(answers, 'pcrs')}; log ${show(fromLog) ?? lastOf(answers, 'eventlog')}`;
    return { ok, seen };
  });
  return allOf('tpm2_eventlog replays the log to the PCR in every bank', compared);
}

/** The TPM holds what was predicted. */
export function asPredicted({ answers, manifest, predicted }: ObservedPlatform): Judgement {
  const compared = measuredPcrs(manifest).map((pcr) => {
    const held = parsePcrRead(answered(answers, 'pcrs'), pcr);
    const wanted = new Map<string, string>(
      [...predicted].map(([bank, byPcr]) => [bank, byPcr.get(pcr)?.toString('hex') ?? 'nothing']),
    );
    const wrong = [...held].filter(([bank, digest]) => wanted.get(bank) !== digest);
    const ok = held.size > 0 && wrong.length === 0;
    const seen = ok
      ? [...held].map(([bank, digest]) => `${bank}:${digest.slice(0, 12)}…`).join(' ')
      : `PCR ${pcr}: TPM ${show(held) ?? lastOf(answers, 'pcrs')}; predicted ${show(wanted) ?? 'nothing'}`;
    return { ok, seen };
  });
  return allOf('the PCR is the one predicted before the boot', compared);
}

const show = (values: ReadonlyMap<string, string>): string | undefined =>
  [...values].map(([bank, digest]) => `${bank}:${digest}`).join(' ') || undefined;

/** How an answer without values ended: its status, and its last lines, in which a tool says why. */
function lastOf(answers: Answers, name: string): string {
  const { status, output } = answers.get(name);
  const lines = output.trim().split('\n').slice(-LAST_LINES);
  return `nothing: "${name}" ended with status ${status}, and last said "${lines.join(' | ')}"`;
}

/** Nobody can add to what was measured. */
export function capped({ answers, manifest }: ObservedPlatform): Judgement {
  const lines = answered(answers, 'eventlog').matchAll(/^\s*EventType: (\S+)$/gm);
  const types = [...lines].map((line) => line[1]);
  const caps = types.filter((type) => type === 'EV_SEPARATOR').length;
  const wanted = measuredPcrs(manifest).length;
  const last = types.slice(-wanted);
  const ok = caps === wanted && last.every((type) => type === 'EV_SEPARATOR');
  return judgement(
    'the log ends with the cap',
    ok,
    `${types.length} events, ${caps} caps, last ${types.at(-1)}`,
  );
}

/** A verifier finds nothing wrong with the boot, and sees both logs. What that does not prove, the gaps say. */
export function quoted({ verdict }: ObservedPlatform): Judgement {
  const { outcome, findings, events, bootEvents = [] } = verdict;
  const right = outcome !== 'refused';
  const seen = right
    ? `${events?.length} items as predicted, ${bootEvents.length} of this boot`
    : findings
        .filter(({ ok }) => !ok)
        .map(({ says }) => says)
        .join('; ');
  const ok = right && bootEvents.length > 0;
  return judgement('the boot quote vouches for both logs', ok, seen);
}
