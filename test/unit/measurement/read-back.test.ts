import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MeasuredItem } from '../../../measurement/events.ts';
import { verifyEvidence } from '../../../measurement/evidence/verify.ts';
import { BOOT_TARGET, bootItems, eventsOf, evidenceOf, ITEMS, NONCE } from '../../lib/evidence.ts';
import { SoftwareAk } from '../../lib/software-ak.ts';
import { wrongIn } from '../../lib/verdict.ts';

const ak = new SoftwareAk();
const identities = bootItems(ak);

function readBack(domain: string | undefined, others: object = {}): MeasuredItem {
  const own = identities.find((item) => item.event === 'identity' && item.domain === domain);
  const { domid, uuid } = own?.event === 'identity' ? own : { domid: 32751, uuid: 'of domB' };
  const name = domain === undefined ? {} : { domain };
  return { event: 'read-back', ...name, domid, has: { uuid }, unread: [], ...others };
}

const all = [readBack('vtpm'), readBack('dom0'), readBack(undefined)];

/** The verdict about a boot that measured these items into its own register. */
function judged(boot: readonly MeasuredItem[], items: readonly MeasuredItem[] = ITEMS) {
  const evidence = evidenceOf(eventsOf(items), ak, eventsOf(boot, { target: BOOT_TARGET }));
  return verifyEvidence(evidence, { nonce: NONCE, pcr: 13, bootPcr: 12 });
}

const noteOf = (boot: readonly MeasuredItem[]) =>
  judged(boot).notes.filter((note) => note.startsWith('what domains have'));

test('a boot that read back what all domains have says so', () => {
  const verdict = judged([...identities, ...all]);
  assert.deepEqual(wrongIn(verdict), []);
  assert.deepEqual(
    verdict.findings.filter(({ check }) => check === 'read-back'),
    [
      {
        check: 'read-back',
        ok: true,
        says: 'read back: 3 domains, domB among them, have what domB expected',
      },
    ],
  );
  assert.deepEqual(noteOf([...identities, ...all]), []);
});

test('a boot that did not, or could not ask for everything, is noted', () => {
  assert.deepEqual(noteOf(identities), ['what domains have: it was not read back from Xen']);
  const partly = ['vtpm', 'dom0', undefined].map((name) => readBack(name, { unread: ['iomem'] }));
  assert.deepEqual(noteOf([...identities, ...partly]), [
    'what domains have: Xen could not be asked for iomem',
  ]);
});

test('a domain that was left out, told twice, or is another one, is wrong', () => {
  const cases: [MeasuredItem[], RegExp][] = [
    [[readBack('vtpm')], /^dom0: what it has was read back 0 times, not once$/],
    [[...all, readBack('dom0')], /^dom0: what it has was read back 2 times, not once$/],
    [[...all, readBack('guest')], /^guest: it was read back, and no such domain was built$/],
    [[readBack('vtpm'), readBack('dom0', { domid: 7 })], /^dom0: .* of domain 7, .* another one$/],
    [[readBack('vtpm'), readBack('dom0', { has: {} })], /^dom0: .* of domain 0, undefined, which/],
  ];
  for (const [boot, says] of cases) {
    const found = wrongIn(judged([...identities, ...boot]));
    assert.equal(found.length, 1, found.join('\n'));
    assert.match(found[0] ?? '', says);
  }
});

test('a boot that failed owes nothing', () => {
  const failed: MeasuredItem[] = [...ITEMS, { event: 'error', what: 'dom0 has too much' }];
  const { findings, notes } = judged([...identities, readBack('vtpm')], failed);
  assert.ok(findings.every(({ check }) => check !== 'read-back'));
  assert.ok(notes.every((note) => !note.startsWith('what domains have')));
});
