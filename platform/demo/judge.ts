import type { PcrValues } from 'node-tpm2-pts';
import { allDomains } from '../../boot-configs/all-domains.ts';
import type { Manifest } from '../../boot-configs/manifest.ts';
import type { HandoverRecord } from '../../daemon/record.ts';
import type { Verdict } from '../../measurement/evidence/verify.ts';
import type { Answers } from '../machine/answers.ts';
import {
  parseEventLogPcr,
  parsePcrRead,
  parseXlList,
  parseXlUuids,
  xlInfo,
} from './tool-output.ts';

export interface Evidence {
  manifest: Manifest;
  /** The domid that domB should have had. */
  bootDomid: number;
  bootDomainMiB: number;
  /** The measured PCRs as they were computed from the manifest and the images before the boot, by bank. */
  predicted: PcrValues;
  /** What a verifier says of the boot quote and the two logs. */
  verdict: Verdict;
  consoleText: string;
  answers: Answers;
}

export interface Check {
  name: string;
  ok: boolean;
  /** What was seen; when it is not ok, also what was expected. */
  detail: string;
}

/**
 * Compares a platform that came up with the manifest it was booted from. Everything is judged by what Xen and stock
 * tools in dom0 said; a missing answer is a failed check.
 */
export function judge(evidence: Evidence): Check[] {
  return [
    ...evidence.manifest.domains.map((domain) => domainCheck(evidence, domain)),
    uuidCheck(evidence),
    ...serviceChecks(evidence),
    bootDomainGone(evidence),
    memoryFreed(evidence),
    pcrCheck(evidence),
    predictionCheck(evidence),
    capCheck(evidence),
    quoteCheck(evidence),
    toolCheck(evidence, 'xl info', 'info-after', (text) => /^xen_version\s*: 4\./m.test(text)),
    guestCreated(evidence),
    guestDestroyed(evidence),
    noDenials(evidence),
  ];
}

/** The record that domB handed over, from dom0's answers. */
export function handedOverRecord(answers: Answers): HandoverRecord {
  return JSON.parse(text(answers, 'record')) as HandoverRecord;
}

const text = (answers: Answers, name: string) => answers.get(name)?.output ?? '';

function domainCheck({ answers, manifest }: Evidence, wanted: Manifest['domains'][number]): Check {
  const found = parseXlList(text(answers, 'xl-list')).find((row) => row.domid === wanted.domid);
  const expected = `${listedName(wanted, manifest)}, domain ${wanted.domid}, ${wanted.seclabel}`;
  const seen = found
    ? `${found.name}, domain ${found.domid}, ${found.seclabel}`
    : 'not in xl list -Z';
  return check(
    `${wanted.name} is there, with its domid and label`,
    seen === expected,
    seen,
    expected,
  );
}

/** Its name in the manifest, but where xenstore has another for dom0, or a late hardware domain can't write any. */
function listedName({ name, domid }: Manifest['domains'][number], { domains }: Manifest): string {
  const hardware = domains.find(({ capabilities }) => capabilities.includes('hardware'));
  if (hardware?.domid !== 0) return '(null)';
  return domid === 0 ? 'Domain-0' : name;
}

function uuidCheck({ answers }: Evidence): Check {
  const name = 'every domain has the UUID that domB recorded';
  const listed = parseXlUuids(text(answers, 'xl-list-verbose'));
  let recorded: HandoverRecord['domains'];
  try {
    recorded = handedOverRecord(answers).domains;
  } catch (error) {
    return check(name, false, `no record was handed over (${(error as Error).message})`);
  }
  const wrong = recorded.filter(({ domid, uuid }) => listed.get(domid) !== uuid);
  const seen = wrong.map(
    ({ domid, uuid }) => `domain ${domid}: ${listed.get(domid)}, recorded ${uuid}`,
  );
  return check(
    name,
    recorded.length > 0 && wrong.length === 0,
    seen.join('; ') || `${recorded.length} match`,
  );
}

/** Domains whose images say on the console that they work. */
function serviceChecks({ manifest, consoleText, answers }: Evidence): Check[] {
  return manifest.domains.flatMap((domain) => {
    const sign = domain.ramdisk.includes('vtpm.cpio.zst')
      ? 'vtpm: swtpm alive, self-test passed'
      : domain.ramdisk.some((path) => path.startsWith('guest'))
        ? `guest ${domain.name}: alive`
        : undefined;
    if (!sign) return [];
    const says = domain.console ? text(answers, `console-${domain.name}`) : consoleText;
    return check(`${domain.name} says that it works`, says.includes(sign), sign, sign);
  });
}

function bootDomainGone({ answers, bootDomid }: Evidence): Check {
  const listing = text(answers, 'xl-list');
  const rows = parseXlList(listing);
  const there = rows.some(({ domid }) => domid === bootDomid);
  const seen = there ? `domain ${bootDomid} still exists` : `no domain ${bootDomid} in xl list`;
  return check('domB is gone', rows.length > 0 && !there, rows.length > 0 ? seen : 'no xl list');
}

function memoryFreed({ answers, bootDomainMiB }: Evidence): Check {
  const before = xlInfo(text(answers, 'info-before'), 'free_memory');
  const after = xlInfo(text(answers, 'info-after-domb'), 'free_memory');
  const freed = before === undefined || after === undefined ? undefined : after - before;
  // xl counts whole MiB, and Xen keeps no more than a few pages of a domain that is gone.
  const ok = freed !== undefined && freed >= bootDomainMiB - 4;
  const seen =
    freed === undefined ? 'xl info did not tell' : `${freed} of ${bootDomainMiB} MiB came back`;
  return check("domB's memory is free again", ok, seen);
}

/** The PCRs that can be predicted: the platform's, and those that domains name for themselves. */
function measuredPcrs(manifest: Manifest): number[] {
  const pcrs = allDomains(manifest).map(({ measurement }) => measurement.pcr);
  return [...new Set([manifest.platform.measurement.pcr, ...pcrs])];
}

function pcrCheck({ answers, manifest }: Evidence): Check {
  const compared = measuredPcrs(manifest).map((pcr) => {
    const replayed = parseEventLogPcr(text(answers, 'eventlog'), pcr);
    const held = parsePcrRead(text(answers, 'pcrs'), pcr);
    const wrong = [...held].filter(([bank, digest]) => replayed.get(bank) !== digest);
    const ok = held.size > 0 && replayed.size === held.size && wrong.length === 0;
    const seen = ok
      ? `PCR ${pcr}: ${[...held.keys()].join(', ')} equal`
      : `PCR ${pcr}: TPM ${show(held)}; log ${show(replayed)}`;
    return { ok, seen };
  });
  return all('tpm2_eventlog replays the log to the PCR in every bank', compared);
}

function predictionCheck({ answers, manifest, predicted }: Evidence): Check {
  const compared = measuredPcrs(manifest).map((pcr) => {
    const held = parsePcrRead(text(answers, 'pcrs'), pcr);
    const wanted = new Map<string, string>(
      [...predicted].map(([bank, byPcr]) => [bank, byPcr.get(pcr)?.toString('hex') ?? 'nothing']),
    );
    const wrong = [...held].filter(([bank, digest]) => wanted.get(bank) !== digest);
    const ok = held.size > 0 && wrong.length === 0;
    const seen = ok
      ? [...held].map(([bank, digest]) => `${bank}:${digest.slice(0, 12)}…`).join(' ')
      : `PCR ${pcr}: TPM ${show(held)}; predicted ${show(wanted)}`;
    return { ok, seen };
  });
  return all('the PCR is the one predicted before the boot', compared);
}

function all(name: string, compared: readonly { ok: boolean; seen: string }[]): Check {
  const seen = compared.map((one) => one.seen).join('; ');
  return check(
    name,
    compared.every(({ ok }) => ok),
    seen,
  );
}

const show = (values: ReadonlyMap<string, string>) =>
  [...values].map(([bank, digest]) => `${bank}:${digest}`).join(' ') || 'nothing';

function capCheck({ answers, manifest }: Evidence): Check {
  const types = [...text(answers, 'eventlog').matchAll(/^\s*EventType: (\S+)$/gm)].map((m) => m[1]);
  const caps = types.filter((type) => type === 'EV_SEPARATOR').length;
  const wanted = measuredPcrs(manifest).length;
  const last = types.slice(-wanted);
  const ok = caps === wanted && last.every((type) => type === 'EV_SEPARATOR');
  return check(
    'the log ends with the cap',
    ok,
    `${types.length} events, ${caps} caps, last ${types.at(-1)}`,
  );
}

function quoteCheck({ verdict }: Evidence): Check {
  const seen = verdict.accepted
    ? `${verdict.events?.length} items as predicted, ${verdict.bootEvents?.length} of this boot`
    : verdict.problems.join('; ');
  const ok = verdict.accepted && (verdict.bootEvents?.length ?? 0) > 0;
  return check('the boot quote vouches for both logs', ok, seen);
}

function toolCheck(
  { answers }: Evidence,
  name: string,
  key: string,
  good: (output: string) => boolean,
): Check {
  const answer = answers.get(key);
  const ok = answer?.status === 0 && good(answer.output);
  return check(`${name} works in dom0`, ok, answer ? `exit status ${answer.status}` : 'no answer');
}

function guestCreated({ answers }: Evidence): Check {
  const created = answers.get('guest-create');
  const row = parseXlList(text(answers, 'guest-list')).find(({ name }) => name === 'small');
  const spoke = text(answers, 'guest-console').includes('guest small: alive');
  const ok = created?.status === 0 && row?.seclabel === 'system_u:system_r:domU_t' && spoke;
  const seen = row
    ? `domain ${row.domid}, ${row.seclabel}`
    : (created?.output.trim() ?? 'no answer');
  return check('xl create starts a PV guest', ok, seen);
}

function guestDestroyed({ answers }: Evidence): Check {
  const destroyed = answers.get('guest-destroy');
  const rows = parseXlList(text(answers, 'list-after'));
  const gone =
    rows.length > 0 && !rows.some(({ name, state }) => name === 'small' && !state.includes('d'));
  return check(
    'xl destroy ends it',
    destroyed?.status === 0 && gone,
    gone ? 'gone' : 'still listed',
  );
}

function noDenials({ consoleText }: Evidence): Check {
  const denials = consoleText.split('\n').filter((line) => /avc:\s+denied/i.test(line));
  return check('no AVC denial on the console', denials.length === 0, denials[0] ?? 'none');
}

function check(name: string, ok: boolean, seen: string, expected?: string): Check {
  return { name, ok, detail: ok || !expected ? seen : `${seen}; expected ${expected}` };
}
