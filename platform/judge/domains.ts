import type { Manifest } from '../../boot-configs/manifest.ts';
import { type Judgement, judgement } from './judgement.ts';
import { answered, type ObservedPlatform } from './observed.ts';
import { parseXlList, parseXlUuids, xlInfo } from './tool-output.ts';

/** The domains that Xen has: those of the manifest as it says, and domB no more. */
export function domainJudgements(observed: ObservedPlatform): Judgement[] {
  const { domains } = observed.manifest;
  const paused = domains.filter(({ autostart }) => !autostart);
  return [
    ...domains.map((domain) => domainThere(observed, domain)),
    ...paused.map((domain) => staysPaused(observed, domain)),
    bootDomainGone(observed),
  ];
}

type Wanted = Manifest['domains'][number];

function domainThere({ answers, manifest }: ObservedPlatform, wanted: Wanted): Judgement {
  const listing = answered(answers, 'xl-list');
  const found = parseXlList(listing).find(({ domid }) => domid === wanted.domid);
  const expected = `${listedName(wanted, manifest)}, domain ${wanted.domid}, ${wanted.seclabel}`;
  const seen = found
    ? `${found.name}, domain ${found.domid}, ${found.seclabel}`
    : 'not in xl list -Z';
  return judgement(
    `${wanted.name} is there, with its domid and label`,
    seen === expected,
    seen,
    expected,
  );
}

/** Its name in the manifest, but where xenstore has another for dom0, or a late hardware domain can't write any. */
function listedName({ name, domid }: Wanted, { domains }: Manifest): string {
  const hardware = domains.find(({ capabilities }) => capabilities.includes('hardware'));
  if (hardware?.domid !== 0) return '(null)';
  return domid === 0 ? 'Domain-0' : name;
}

function staysPaused({ answers }: ObservedPlatform, { name, domid }: Wanted): Judgement {
  const row = parseXlList(answered(answers, 'xl-list')).find((listed) => listed.domid === domid);
  const seen = row ? `state ${row.state}` : 'not in xl list -Z';
  return judgement(`${name} stays paused`, row?.state === '--p---', seen, 'state --p---');
}

/** Their identities. */
export function recordedUuids({ answers, record }: ObservedPlatform): Judgement {
  const name = 'every domain has the UUID that domB recorded';
  const listed = parseXlUuids(answered(answers, 'xl-list-verbose'));
  const recorded = record.domains;
  const wrong = recorded.filter(({ domid, uuid }) => listed.get(domid) !== uuid);
  const seen = wrong.map(
    ({ domid, uuid }) => `domain ${domid}: ${listed.get(domid)}, recorded ${uuid}`,
  );
  return judgement(
    name,
    recorded.length > 0 && wrong.length === 0,
    seen.join('; ') || `${recorded.length} match`,
  );
}

function bootDomainGone({ answers, bootDomid }: ObservedPlatform): Judgement {
  const rows = parseXlList(answered(answers, 'xl-list'));
  const there = rows.some(({ domid }) => domid === bootDomid);
  const seen = there ? `domain ${bootDomid} still exists` : `no domain ${bootDomid} in xl list`;
  return judgement(
    'domB is gone',
    rows.length > 0 && !there,
    rows.length > 0 ? seen : 'no xl list',
  );
}

/** domB gave back what it had. */
export function memoryFreed({ answers, bootDomainMiB }: ObservedPlatform): Judgement {
  const before = xlInfo(answered(answers, 'info-before'), 'free_memory');
  const after = xlInfo(answered(answers, 'info-after-domb'), 'free_memory');
  const freed = before === undefined || after === undefined ? undefined : after - before;
  // xl counts whole MiB, and Xen keeps no more than a few pages of a domain that is gone.
  const ok = freed !== undefined && freed >= bootDomainMiB - 4;
  const seen =
    freed === undefined ? 'xl info did not tell' : `${freed} of ${bootDomainMiB} MiB came back`;
  return judgement("domB's memory is free again", ok, seen);
}
