import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appraisePlatform } from '../../../../measurement/ear/appraise.ts';
import { appraiseDomains } from '../../../../measurement/ear/appraise-domains.ts';
import { whenOpen, whenWrong } from '../../../../measurement/ear/claims-of-checks.ts';
import { tierOf, tierOfVector, worstValue } from '../../../../measurement/ear/trust-claims.ts';
import type { MeasuredEvent, MeasuredItem } from '../../../../measurement/events.ts';
import { compareItems } from '../../../../measurement/evidence/compare.ts';
import {
  type CheckId,
  checks,
  type GapId,
  gaps,
} from '../../../../measurement/evidence/verdict.ts';
import { ITEMS } from '../../../lib/evidence.ts';
import { verdictOf } from './verdicts.ts';

const allChecks = Object.keys(checks) as CheckId[];
const allGaps = Object.keys(gaps) as GapId[];

/** As a log has them. */
const measured = (items: readonly MeasuredItem[]) =>
  items.map((item, sequence): MeasuredEvent => ({ ...item, sequence }));

test('values are in the tiers that the draft says', () => {
  const tiers = { none: [-1, 0, 1], affirming: [-32, -2, 2, 31], warning: [-96, -33, 32, 95] };
  for (const [tier, values] of Object.entries(tiers)) {
    for (const value of values) assert.equal(tierOf(value), tier, String(value));
  }
  for (const value of [-128, -97, 96, 127]) assert.equal(tierOf(value), 'contraindicated');
  assert.equal(worstValue([2, -33, 32]), 32);
  assert.equal(worstValue([2, -33, 3]), -33);
  assert.equal(worstValue([36, 96, 99, 97]), 99);
  assert.equal(worstValue([]), undefined);
});

test('a proven verdict without a gap affirms every claim', () => {
  assert.deepEqual(appraisePlatform(verdictOf()).vector, {
    'instance-identity': 2,
    configuration: 2,
    executables: 3,
    hardware: 2,
  });
  assert.equal(appraisePlatform(verdictOf()).status, 'affirming');
});

test('a claim whose checks were not all made is not affirmed', () => {
  const { status, vector } = appraisePlatform(verdictOf({ without: ['key', 'firmware'] }));
  assert.deepEqual(vector, { configuration: 2, executables: 3 });
  assert.equal(status, 'affirming');
});

test('each check that finds something wrong makes vector and status contraindicated', () => {
  for (const check of allChecks) {
    const { status, vector } = appraisePlatform(verdictOf({ wrong: [check] }));
    assert.equal(status, 'contraindicated', check);
    assert.equal(tierOfVector(vector), 'contraindicated', check);
    assert.ok(
      whenWrong[check].every(([, value]) => tierOf(value) === 'contraindicated'),
      check,
    );
  }
});

test('each gap, open or waived, makes vector and status a warning', () => {
  for (const gap of allGaps) {
    for (const verdict of [verdictOf({ open: [gap] }), verdictOf({ waived: [gap] })]) {
      const { status, vector } = appraisePlatform(verdict);
      assert.equal(status, 'warning', gap);
      assert.equal(tierOfVector(vector), 'warning', gap);
    }
    assert.ok(
      whenOpen[gap].every(([, value]) => tierOf(value) === 'warning'),
      gap,
    );
  }
});

test('what is wrong hides no gap, and a status is never better than the outcome', () => {
  const { vector } = appraisePlatform(verdictOf({ wrong: ['key'], open: ['items'] }));
  assert.equal(vector['instance-identity'], 97);
  assert.equal(vector.executables, 33);
  const odd = { ...verdictOf(), outcome: 'refused' as const };
  assert.equal(appraisePlatform(odd).status, 'contraindicated');
});

/** The domains of a platform that measured `items`, where ITEMS were expected. */
function domainsOf(items: readonly MeasuredItem[], more: Parameters<typeof verdictOf>[0] = {}) {
  const compared = compareItems(ITEMS, items);
  const verdict = verdictOf({ events: measured(items), compared, ...more });
  return appraiseDomains(verdict, appraisePlatform(verdict));
}

test('each domain has its own appraisal', () => {
  const domains = domainsOf(ITEMS);
  assert.deepEqual([...domains.keys()], ['vtpm', 'dom0']);
  const dom0 = domains.get('dom0');
  assert.deepEqual(dom0?.vector, { configuration: 2, executables: 3, hardware: 2 });
  assert.equal(dom0?.status, 'affirming');
  assert.equal(dom0?.annotations.seclabel, 'system_u:system_r:dom0_t');
  assert.ok(dom0?.annotations.ramdisk);
});

test("another image is that domain's alone, but no domain is better than the platform", () => {
  const other = ITEMS.map(
    (item): MeasuredItem =>
      item.event === 'image' && item.domain === 'dom0' && item.component === 'ramdisk'
        ? { ...item, size: 1 }
        : item,
  );
  const domains = domainsOf(other, { wrong: ['items'] });
  assert.deepEqual(domains.get('dom0')?.vector, {
    configuration: 2,
    executables: 96,
    hardware: 96,
  });
  assert.deepEqual(domains.get('vtpm')?.vector, { configuration: 2, executables: 3, hardware: 96 });
  assert.equal(domains.get('vtpm')?.status, 'contraindicated');
});

test('a domain that nobody measured, and one that nobody expected', () => {
  const without = ITEMS.filter((item) => !('domain' in item && item.domain === 'vtpm'));
  const missing = domainsOf(without, { wrong: ['items'] }).get('vtpm');
  assert.deepEqual(missing?.annotations, { measured: false });
  assert.equal(missing?.vector.configuration, 96);
  const evil = ITEMS.map(
    (item): MeasuredItem =>
      item.event === 'domain' && item.domain === 'vtpm' ? { ...item, domain: '__proto__' } : item,
  );
  const unexpected = domainsOf(evil, { wrong: ['items'] }).get('__proto__');
  assert.equal(unexpected?.vector.configuration, 96);
});

test('what of a domain is unmeasured or was compared with nothing is not recognized', () => {
  const partly = ITEMS.map(
    (item): MeasuredItem => (item.event === 'domain' ? { ...item, unmeasured: ['ramdisk'] } : item),
  );
  const verdict = verdictOf({ events: measured(partly), compared: compareItems(partly, partly) });
  const domains = appraiseDomains(verdict, appraisePlatform(verdict));
  assert.equal(domains.get('dom0')?.status, 'warning');
  const uncompared = verdictOf({ events: measured(ITEMS), open: ['items'] });
  const dom0 = appraiseDomains(uncompared, appraisePlatform(uncompared)).get('dom0');
  assert.deepEqual(dom0?.vector, { configuration: 36, executables: 33, hardware: -33 });
});

test('a domain that the boot went on without is a warning, with the reason', () => {
  const boot = {
    end: 'complete',
    built: ['dom0'],
    missing: [{ domain: 'vtpm', why: 'no memory' }],
  } as const;
  const domains = domainsOf(ITEMS, { open: ['domains'], boot });
  assert.equal(domains.get('vtpm')?.vector.configuration, 36);
  assert.equal(domains.get('vtpm')?.annotations.missing, 'no memory');
  assert.equal(domains.get('dom0')?.vector.configuration, 2);
});
