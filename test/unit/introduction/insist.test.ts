import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DomainInfo, HypervisorError } from '../../../bindings/hypervisor.ts';
import { insist } from '../../../introduction/insist.ts';
import { introduceAll } from '../../../introduction/introduce.ts';
import { parseBootRecord } from '../../../introduction/record.ts';
import { aRecord, fakeControlDomain, uuid } from './support.ts';

/** A dom0 with one guest, which begins to use xenstore when it was told so many times. */
async function told(type: string, times: number, info: Partial<DomainInfo> = {}, more = {}) {
  const record = parseBootRecord(JSON.stringify(aRecord({ type, ...more })), 'record.json');
  const control = fakeControlDomain([{ domid: 0 }, { domid: 1, uuid, ...info }]);
  const count = () => control.deeds.filter((deed) => deed.startsWith('introduce 1')).length;
  control.usesXenstore = () => count() >= times;
  const introductions = introduceAll(record, control, 0);
  const { silent } = await insist(record, introductions, control, { limit: 1000, interval: 5 });
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

test('a pvh domain whose kernel knows where its ring is waits by itself, and is told once', async () => {
  const xenstore = { frame: 0x1234, port: 3, told: true };
  const once = { count: 1, silent: [] };
  assert.deepEqual(await told('pvh', Number.POSITIVE_INFINITY, {}, { xenstore }), once);
});

test('a guest that keeps dom0 from its ring is named, and the others are told', async () => {
  for (const door of ['usesXenstore', 'introduce'] as const) {
    const [, first] = aRecord({ type: 'pvh', pci: [] }).domains;
    const second = { ...first, name: 'second', domid: 2, uuid: uuid.replace('5', '7') };
    const value = { ...aRecord(), domains: [aRecord().domains[0], first, second] };
    const record = parseBootRecord(JSON.stringify(value), 'record.json');
    const control = fakeControlDomain([
      { domid: 0 },
      { domid: 1, uuid },
      { domid: 2, uuid: second.uuid },
    ]);
    const count = (domid: number) =>
      control.deeds.filter((deed) => deed.startsWith(`introduce ${domid}`)).length;
    const introductions = introduceAll(record, control, 0);
    const refused = new HypervisorError({
      ...{ call: 'xengnttab_map_grant_ref', errno: 'EINVAL' },
      ...{ message: 'cannot see the ring of domain 1', hint: 'look at the guest' },
    });
    control.usesXenstore = (domid) => {
      if (domid === 1 && door === 'usesXenstore') throw refused;
      return domid === 2 && count(2) >= 3;
    };
    const introduce = control.introduce.bind(control);
    control.introduce = (domain, ring) => {
      if (domain.domid === 1) throw refused;
      introduce(domain, ring);
    };
    const { silent, problems } = await insist(record, introductions, control, {
      ...{ limit: 1000, interval: 5 },
    });
    assert.deepEqual([...problems], [[1, { message: refused.message, hint: refused.hint }]]);
    assert.deepEqual([...silent], []);
    assert.equal(count(2), 3);
  }
});
