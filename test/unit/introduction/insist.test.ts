import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DomainInfo } from '../../../bindings/hypervisor.ts';
import { insist } from '../../../introduction/insist.ts';
import { introduceAll } from '../../../introduction/introduce.ts';
import { parseBootRecord } from '../../../introduction/record.ts';
import { aRecord, fakeControlDomain, uuid } from './support.ts';

/** A dom0 with one guest, which begins to use xenstore when it was told so many times. */
async function told(type: string, times: number, info: Partial<DomainInfo> = {}) {
  const record = parseBootRecord(JSON.stringify(aRecord({ type })), 'record.json');
  const control = fakeControlDomain([{ domid: 0 }, { domid: 1, uuid, ...info }]);
  const count = () => control.deeds.filter((deed) => deed.startsWith('introduce 1')).length;
  control.usesXenstore = () => count() >= times;
  const introductions = introduceAll(record, control, 0);
  const silent = await insist(record, introductions, control, { limit: 100, interval: 5 });
  return { count: count(), silent: [...silent] };
}

test('a pvh or hvm domain is told again until it uses xenstore', async () => {
  for (const type of ['pvh', 'hvm']) {
    assert.deepEqual(await told(type, 1), { count: 1, silent: [] });
    assert.deepEqual(await told(type, 4), { count: 4, silent: [] });
  }
});

test('a domain that never uses it is named', async () => {
  const { count, silent } = await told('pvh', Number.POSITIVE_INFINITY);
  assert.deepEqual(silent, [1]);
  assert.ok(count > 2);
});

test('a pv domain, which has asked before, and one that does not run are told once', async () => {
  const once = { count: 1, silent: [] };
  assert.deepEqual(await told('pv', Number.POSITIVE_INFINITY), once);
  for (const info of [{ paused: true }, { shutdown: true }]) {
    assert.deepEqual(await told('pvh', Number.POSITIVE_INFINITY, info), once);
  }
});
